using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Collapse.Kernels;
using Collapse.Running;

namespace Collapse.Engines.Cpu;

/// <summary>The sums of an <see cref="ObservableRow"/> from a table of counts.</summary>
internal static class RowSums
{
    // c ln c of counts below this lie in two vectors; where many tokens live, most counts are small.
    private const int SmallCounts = 16;
    private const int UsualCount = 12;

    /// <summary>
    /// Writes all sums of a row; with 512-bit vectors where <paramref name="wide"/>. Zeros must then follow the
    /// counts up to the next multiple of <see cref="TokenCounter.Padding"/>, as far as which the vocabulary has room, with
    /// nothing negative in it.
    /// </summary>
    public static void Write(
        ReadOnlySpan<int> counts,
        LocalVocabulary vocabulary,
        RunPlan plan,
        int size,
        int firstSize,
        bool hasTruth,
        bool wide,
        Span<long> row
    )
    {
        var sums = new Sums(plan.TruthScale, size, firstSize, hasTruth);
        int done = wide && Avx512DQ.IsSupported ? sums.AddVectors(counts, vocabulary) : 0;
        for (int i = done; i < counts.Length; i++)
        {
            sums.Add(counts[i], vocabulary.Tokens[i], vocabulary.First[i], vocabulary.Units[i]);
        }

        sums.WriteTo(row);
        row[ObservableRow.CountLogCount] =
            done > 0 && plan.Logs.Length >= SmallCounts && size < UsualCount * counts.Length
                ? CountLogsInVectors(counts, plan.Logs)
                : CountLogs(counts, plan.Logs);
        AddHeldOut(counts, vocabulary.HeldOut, plan.Logs, plan.Settings.HeldOut is not null, row);
    }

    private static long CountLogs(ReadOnlySpan<int> counts, ReadOnlySpan<long> logs)
    {
        long sum = 0;
        foreach (int count in counts)
        {
            sum += count * LogTable.Ln(logs, count);
        }

        return sum;
    }

    private static long CountLogsInVectors(ReadOnlySpan<int> counts, ReadOnlySpan<long> logs)
    {
        ref long log = ref MemoryMarshal.GetReference(logs);
        Vector512<long> numbers = Vector512<long>.Indices;
        Vector512<long> upperNumbers = numbers + Vector512.Create(8L);
        Vector512<long> lower = Vector512.LoadUnsafe(ref log) * numbers;
        Vector512<long> upper = Vector512.LoadUnsafe(ref log, 8) * upperNumbers;
        Vector512<long> sums = default;
        long sum = 0;
        int i = 0;
        for (; i + Vector512<long>.Count <= counts.Length; i += Vector512<long>.Count)
        {
            ReadOnlySpan<int> eight = counts.Slice(i, Vector512<long>.Count);
            var all = Vector256.LoadUnsafe(ref MemoryMarshal.GetReference(eight));
            Vector256<int> isLarge = Vector256.GreaterThan(all, Vector256.Create(SmallCounts - 1));

            // A count of 0 adds 0.
            Vector256<int> small = Vector256.AndNot(all, isLarge);
            sums += Avx512F.PermuteVar8x64x2(lower, Avx512F.ConvertToVector512Int64(small), upper);
            for (uint large = isLarge.ExtractMostSignificantBits(); large != 0; large &= large - 1)
            {
                int count = eight[BitOperations.TrailingZeroCount(large)];
                sum += count * LogTable.Ln(logs, count);
            }
        }

        return sum + Vector512.Sum(sums) + CountLogs(counts[i..], logs);
    }

    private static void AddHeldOut(
        ReadOnlySpan<int> counts,
        ReadOnlySpan<int> heldOut,
        ReadOnlySpan<long> logs,
        bool isGiven,
        Span<long> row
    )
    {
        row[ObservableRow.HeldOutLog] = 0;
        row[ObservableRow.HeldOutCovered] = 0;
        for (int i = 0; isGiven && i < counts.Length; i++)
        {
            if (counts[i] > 0 && heldOut[i] > 0)
            {
                row[ObservableRow.HeldOutLog] += heldOut[i] * LogTable.Ln(logs, counts[i]);
                row[ObservableRow.HeldOutCovered] += heldOut[i];
            }
        }
    }

    /// <summary>Running sums; the vector form adds eight tokens at a time to the same sums.</summary>
    private ref struct Sums(long scale, long size, long firstSize, bool hasTruth)
    {
        private readonly int _scaleBits = BitOperations.Log2((ulong)scale);
        private long _squares;
        private long _max;
        private long _support;
        private long _l1First = size * firstSize;
        private long _l1Truth = hasTruth ? scale * size : 0;
        private long _unseen = hasTruth ? scale : firstSize;
        private ulong _hash;

        public void Add(long count, int token, long first, long units)
        {
            if (count == 0)
            {
                return;
            }

            _squares += count * count;
            _max = Math.Max(_max, ObservableRow.Pack((int)count, token));
            _support++;
            _hash += CountsHash.Share(token, (int)count);

            // Absent tokens add f_i·n each: n·n_1 in all, less those present. Likewise for the truth.
            _l1First += Math.Abs((count * firstSize) - (first * size)) - (first * size);
            if (hasTruth)
            {
                _l1Truth += Math.Abs((count << _scaleBits) - (size * units)) - (size * units);
                _unseen -= units;
            }
            else
            {
                _unseen -= first;
            }
        }

        /// <summary>Adds all tokens, the last vector filled up with absent ones; gives the number of tokens.</summary>
        public int AddVectors(ReadOnlySpan<int> counts, LocalVocabulary vocabulary)
        {
            ref int count = ref MemoryMarshal.GetReference(counts);
            ref int token = ref MemoryMarshal.GetReference(vocabulary.Tokens);
            ref int first = ref MemoryMarshal.GetArrayDataReference(vocabulary.First);
            ref long unit = ref MemoryMarshal.GetArrayDataReference(vocabulary.Units);
            Vector512<long> n = Vector512.Create(size);
            Vector512<long> n1 = Vector512.Create(firstSize);
            Vector512<long> squares = default;
            Vector512<long> max = default;
            Vector512<long> l1First = default;
            Vector512<long> l1Truth = default;
            Vector512<long> seen = default;
            Vector512<ulong> hash = default;
            int i = 0;
            for (; i < counts.Length; i += Vector512<long>.Count)
            {
                Vector512<long> c = Widen(ref Unsafe.Add(ref count, i));
                Vector512<long> t = Widen(ref Unsafe.Add(ref token, i));
                Vector512<long> f = Widen(ref Unsafe.Add(ref first, i));
                Vector512<long> present = Vector512.GreaterThan(c, default);
                squares += Product(c, c);
                Vector512<long> packed = (c << 32) | (Vector512.Create(0xFFFFFFFFL) - t);

                // An absent token, of count 0, lies below every other.
                max = Vector512.Max(max, packed);
                _support += BitOperations.PopCount(present.ExtractMostSignificantBits());
                Vector512<long> expected = Product(f, n);
                l1First += Vector512.Abs(Product(c, n1) - expected) - expected;
                hash += Mix(((t << 32) | c).AsUInt64()) & present.AsUInt64();
                if (hasTruth)
                {
                    Vector512<long> q = Vector512.LoadUnsafe(ref unit, (nuint)i) & present;
                    expected = q * n;
                    l1Truth += Vector512.Abs((c << _scaleBits) - expected) - expected;
                    seen += q;
                }
                else
                {
                    seen += f & present;
                }
            }

            _squares += Vector512.Sum(squares);
            _max = Largest(max);

            _l1First += Vector512.Sum(l1First);
            _l1Truth += Vector512.Sum(l1Truth);
            _unseen -= Vector512.Sum(seen);
            _hash += Vector512.Sum(hash);
            return counts.Length;
        }

        public readonly void WriteTo(Span<long> row)
        {
            row[ObservableRow.SumOfSquares] = _squares;
            row[ObservableRow.MaxAndToken] = _max;
            row[ObservableRow.Support] = _support;
            row[ObservableRow.L1FromFirst] = _l1First;
            row[ObservableRow.L1FromTruth] = _l1Truth;
            row[ObservableRow.UnseenMass] = _unseen;
            row[ObservableRow.Hash] = (long)_hash;
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static Vector512<long> Widen(ref int values) =>
            Avx512F.ConvertToVector512Int64(Vector256.LoadUnsafe(ref values));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static long Largest(Vector512<long> values)
        {
            Vector256<long> four = Vector256.Max(values.GetLower(), values.GetUpper());
            Vector128<long> two = Vector128.Max(four.GetLower(), four.GetUpper());
            return Math.Max(two[0], two[1]);
        }

        /// <summary>The product of numbers that are not negative and below 2^31.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static Vector512<long> Product(Vector512<long> a, Vector512<long> b) =>
            Avx512F.Multiply(a.AsInt32(), b.AsInt32());

        /// <summary><see cref="CountsHash.Mix"/>.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static Vector512<ulong> Mix(Vector512<ulong> x)
        {
            x = (x ^ (x >>> 30)) * Vector512.Create(CountsHash.Multiplier1);
            x = (x ^ (x >>> 27)) * Vector512.Create(CountsHash.Multiplier2);
            return x ^ (x >>> 31);
        }
    }
}
