using Collapse.Kernels;

namespace Collapse.Engines.Cpu;

/// <summary>
/// A context whose generations are drawn as counts (<see cref="CountRule"/>): the counts of the tokens alive, in
/// ascending order of tokens, which is the order of the vocabulary that goes with them.
/// </summary>
/// <typeparam name="TLanes">The vector width of the random numbers.</typeparam>
internal sealed class CountedContext<TLanes>(RandomLanes<TLanes> random, ulong[] halves)
    where TLanes : unmanaged, IPhiloxLanes<TLanes>
{
    private readonly BinomialLanes<TLanes> _binomials = new(random, halves);
    private readonly Part[] _waiting = new Part[CountRule.MostWaiting];
    private int[] _counts = [];
    private int[] _numbers = [];

    /// <summary>Number of tokens alive.</summary>
    public int Length { get; private set; }

    /// <summary>The counts; zeros follow them up to the next multiple of <see cref="TokenCounter.Padding"/>.</summary>
    public ReadOnlySpan<int> Counts => _counts.AsSpan(0, Length);

    /// <summary>Takes over a training set's counts, and puts the vocabulary into the order of tokens.</summary>
    /// <param name="counts">The count of each local number.</param>
    /// <param name="vocabulary">The vocabulary, from which tokens that are absent are dropped.</param>
    public void Begin(ReadOnlySpan<int> counts, LocalVocabulary vocabulary)
    {
        if (_counts.Length < counts.Length + TokenCounter.Padding)
        {
            _counts = new int[2 * (counts.Length + TokenCounter.Padding)];
            _numbers = new int[_counts.Length];
        }

        counts.CopyTo(_counts);
        _counts.AsSpan(counts.Length, TokenCounter.Padding).Clear();
        Length = counts.Length;
        KeepAlive(vocabulary);
        vocabulary.Sort(_counts.AsSpan(0, Length));
    }

    /// <summary>Replaces the counts by those of n draws from them; drops tokens that were not drawn.</summary>
    /// <param name="stream">The generation's stream.</param>
    /// <param name="size">n, the sum of the counts before and after.</param>
    /// <param name="vocabulary">The vocabulary.</param>
    public void Draw(in DrawStream stream, int size, LocalVocabulary vocabulary)
    {
        _binomials.Begin(stream);
        bool hasZeros = false;
        int waiting = 0;
        int start = 0;
        var part = new Part(Length, size, size);
        while (true)
        {
            if (part.End - start == 1 || part.Draws == 0)
            {
                _counts.AsSpan(start, part.End - start).Fill(part.Draws);
                hasZeros |= part.Draws == 0;
                start = part.End;
                if (waiting == 0)
                {
                    break;
                }

                part = _waiting[--waiting];
                continue;
            }

            int middle = start + 1;
            int left = _counts[start];
            while (2L * left < part.Total && middle < part.End - 1)
            {
                left += _counts[middle++];
            }

            int draws = _binomials.Draw(part.Draws, left, part.Total);
            _waiting[waiting++] = new Part(part.End, part.Draws - draws, part.Total - left);
            part = new Part(middle, draws, left);
        }

        if (hasZeros)
        {
            KeepAlive(vocabulary);
        }
    }

    private void KeepAlive(LocalVocabulary vocabulary)
    {
        vocabulary.Keep<int>(_counts.AsSpan(0, Length), _numbers);
        int kept = 0;
        for (int i = 0; i < Length; i++)
        {
            int count = _counts[i];
            _counts[kept] = count;
            kept += Convert.ToInt32(count > 0);
        }

        _counts.AsSpan(kept, Length - kept).Clear();
        Length = kept;
    }

    /// <summary>A part of the tokens: where it ends, the draws that fall on it, and its tokens in the model drawn from.</summary>
    private readonly record struct Part(int End, int Draws, int Total);
}
