using System.Globalization;
using System.Text;

namespace Collapse.Cli;

/// <summary>Numbers and texts as people read them.</summary>
internal static class Figures
{
    private const int Widest = 80;

    private static readonly CultureInfo Culture = CultureInfo.InvariantCulture;

    /// <summary>A whole number with thousands set apart.</summary>
    public static string Whole(long value) => value.ToString("N0", Culture);

    /// <summary>A number of contexts.</summary>
    public static string Contexts(long count) => count == 1 ? "1 context" : $"{Whole(count)} contexts";

    /// <summary>A probability, distance or entropy: four places, or two digits and a power of ten below 0.001.</summary>
    public static string Real(double value) =>
        !double.IsFinite(value) ? Undefined(value)
        : value != 0 && Math.Abs(value) < 0.001 ? value.ToString("0.0e-0", Culture)
        : value.ToString("0.0000", Culture);

    /// <summary>The same in at most seven characters: from 1,000 on a power of ten, 2.5e4.</summary>
    public static string Brief(double value) =>
        !double.IsFinite(value) ? Undefined(value)
        : Math.Abs(value) >= 1000 ? value.ToString("0.0e0", Culture)
        : Math.Abs(value) >= 10 ? value.ToString("0.0", Culture)
        : Real(value);

    /// <summary>A mean of whole numbers.</summary>
    public static string Mean(double value) =>
        double.IsFinite(value) ? value.ToString(value < 1000 ? "0.00" : "N0", Culture) : Undefined(value);

    /// <summary>A fraction in percent; 0 and 100 stand only for none and all.</summary>
    public static string Percent(double fraction) =>
        fraction switch
        {
            double.NaN => Undefined(fraction),
            0 => "0",
            1 => "100",
            < 0.001 => "<0.1",
            > 0.999 => ">99.9",
            _ => (fraction * 100).ToString("0.0", Culture),
        };

    /// <summary>An amount per second or of bytes with a metric prefix: 158 M, 1.23 G.</summary>
    public static string Short(double value)
    {
        string[] prefixes = ["", " k", " M", " G", " T", " P", " E"];
        int step = 0;
        while (value >= 999.5 && step < prefixes.Length - 1)
        {
            value /= 1000;
            step++;
        }

        string format =
            value >= 99.5 || step == 0 ? "0"
            : value >= 9.95 ? "0.0"
            : "0.00";
        return value.ToString(format, Culture) + prefixes[step];
    }

    /// <summary>A length of time: 0.31 s, 45 s, 3:07, 2:03:07.</summary>
    public static string Time(TimeSpan time) =>
        time.TotalSeconds < 10 ? time.TotalSeconds.ToString("0.##", Culture) + " s"
        : time.TotalSeconds < 60 ? time.TotalSeconds.ToString("0", Culture) + " s"
        : time.TotalHours < 1 ? time.ToString(@"m\:ss", Culture)
        : string.Create(Culture, $"{(long)time.TotalHours}:{time:mm\\:ss}");

    /// <summary>A length of time that is only guessed: 45 s, 3:07, 2:03:07.</summary>
    public static string RoughTime(TimeSpan time) =>
        Time(TimeSpan.FromSeconds(Math.Max(Math.Round(time.TotalSeconds), 0)));

    /// <summary>An amount of memory.</summary>
    public static string Gibibytes(long bytes) => ((double)bytes / (1L << 30)).ToString("0.0", Culture) + " GiB";

    /// <summary>A text in quotes, with white space and control characters made visible.</summary>
    public static string Quoted(string text)
    {
        var quoted = new StringBuilder("\"");
        foreach (char c in text)
        {
            quoted.Append(
                c switch
                {
                    '\n' => "\\n",
                    '\r' => "\\r",
                    '\t' => "\\t",
                    '"' => "\\\"",
                    _ when char.IsControl(c) => string.Create(Culture, $"\\u{(int)c:x4}"),
                    _ => c.ToString(),
                }
            );
        }

        return quoted.Append('"').ToString();
    }

    /// <summary>A text without line breaks.</summary>
    public static string OneLine(string text) =>
        string.Join(
            ' ',
            text.Split(['\r', '\n'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
        );

    /// <summary>Writes a text in lines of 80 columns at most, broken at spaces, each after one space.</summary>
    public static void WriteWrapped(TextWriter output, string text)
    {
        string line = "";
        foreach (string word in text.Split(' '))
        {
            if (line.Length + 1 + word.Length >= Widest)
            {
                output.WriteLine(line);
                line = "";
            }

            line += $" {word}";
        }

        output.WriteLine(line);
    }

    private static string Undefined(double value) => double.IsPositiveInfinity(value) ? "inf" : "-";
}
