using System.Buffers;
using System.Text.Unicode;

namespace Collapse.Corpora;

/// <summary>Reads a UTF-8 file block by block as text. A byte order mark at the start is skipped.</summary>
internal sealed class Utf8File : IDisposable
{
    private const char ByteOrderMark = '\uFEFF';

    private readonly string _parameter;
    private readonly string _path;
    private readonly FileStream _stream;
    private readonly byte[] _bytes;
    private readonly char[] _chars;
    private int _pending;
    private long _decoded;

    private Utf8File(string parameter, string path, FileStream stream, int blockBytes)
    {
        _parameter = parameter;
        _path = path;
        _stream = stream;
        TotalBytes = stream.CanSeek && stream.Length > 0 ? stream.Length : null;
        // Up to three bytes of a divided character precede each block.
        _bytes = new byte[blockBytes + 3];
        _chars = new char[_bytes.Length];
    }

    /// <summary>Bytes read so far.</summary>
    public long BytesRead { get; private set; }

    /// <summary>The length of the file; null for what has none, such as a pipe.</summary>
    public long? TotalBytes { get; }

    /// <summary>Opens a file for reading.</summary>
    /// <exception cref="InvalidInputException">It is missing, a folder or unreadable.</exception>
    public static Utf8File Open(string parameter, string path, int blockBytes)
    {
        if (Directory.Exists(path))
        {
            throw new InvalidInputException(parameter, path, "must be a file, and is a folder", "name one text file");
        }

        if (!File.Exists(path))
        {
            throw new InvalidInputException(
                parameter,
                path,
                "must be a file, and there is none of this name",
                $"check the path, which starts from {Environment.CurrentDirectory} unless it is absolute"
            );
        }

        try
        {
            var stream = new FileStream(
                path,
                FileMode.Open,
                FileAccess.Read,
                FileShare.ReadWrite,
                bufferSize: 0,
                FileOptions.SequentialScan
            );
            return new Utf8File(parameter, path, stream, blockBytes);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Unreadable(parameter, path, e);
        }
    }

    /// <summary>The next block of text, valid until the next call; empty at the end of the file only.</summary>
    /// <exception cref="InvalidInputException">The file cannot be read, is empty or is not UTF-8.</exception>
    public ReadOnlySpan<char> ReadBlock()
    {
        while (true)
        {
            int read = Fill();
            OperationStatus status = Utf8.ToUtf16(
                _bytes.AsSpan(0, _pending),
                _chars,
                out int taken,
                out int written,
                replaceInvalidSequences: false,
                isFinalBlock: read == 0
            );
            if (status == OperationStatus.InvalidData)
            {
                throw new InvalidInputException(
                    _parameter,
                    _path,
                    $"must be UTF-8, and the bytes from offset {_decoded + taken} (counted from 0) are not",
                    "convert the file to UTF-8, or remove these bytes"
                );
            }

            int start = _decoded == 0 && written > 0 && _chars[0] == ByteOrderMark ? 1 : 0;
            _decoded += taken;
            _pending -= taken;
            _bytes.AsSpan(taken, _pending).CopyTo(_bytes);
            if (written > start || read == 0)
            {
                return _chars.AsSpan(start..written);
            }
        }
    }

    public void Dispose() => _stream.Dispose();

    private static InvalidInputException Unreadable(string parameter, string path, Exception cause) =>
        new(parameter, path, $"must be readable, and is not ({cause.Message})", "check the file and its permissions");

    /// <summary>Reads bytes behind the pending ones and returns how many; 0 at the end of the file.</summary>
    private int Fill()
    {
        int read;
        try
        {
            read = _stream.Read(_bytes, _pending, _bytes.Length - 3);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Unreadable(_parameter, _path, e);
        }

        _pending += read;
        BytesRead += read;
        return BytesRead > 0
            ? read
            : throw new InvalidInputException(
                _parameter,
                _path,
                "must contain text, and is empty",
                "name a file with text"
            );
    }
}
