using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Collapse.Kernels;

namespace Collapse.Softmax.Sampling;

/// <summary>
/// Keeps the tokens of top-k and top-p without sorting a vocabulary: vectors rule most tokens out, and the rest is
/// divided again and again around the place where the kept ones end. The result does not depend on the way there.
/// </summary>
internal sealed class TokenSelection<TLanes>
    where TLanes : unmanaged, ISoftmaxLanes<TLanes>
{
    /// <summary>Bits of a mass: masses are whole numbers of 2^-48.</summary>
    public const int MassBits = 48;

    private const int RestBits = MassBits - SoftmaxWeight.UnitBits;

    private readonly float[] _last = new float[16];
    private float[] _maxima = [];
    private ulong[] _keys = [];
    private ulong[] _masses = [];
    private ulong[] _marks = [];
    private uint[] _units = [];
    private uint[] _rests = [];
    private float[] _logits = [];
    private int[] _tokens = [];
    private int _candidates;
    private int _kept;

    /// <summary>The logits of the kept tokens.</summary>
    public ReadOnlySpan<float> Logits => _logits.AsSpan(0, _kept);

    /// <summary>The kept tokens, ascending.</summary>
    public ReadOnlySpan<int> Tokens => _tokens.AsSpan(0, _kept);

    /// <summary>Selects; false where the rule keeps all tokens.</summary>
    /// <param name="logits">A row that has been checked.</param>
    /// <param name="largest">Its largest logit.</param>
    /// <param name="rule">The rule.</param>
    /// <param name="scale">The scale of the rule's temperature.</param>
    public bool Select(ReadOnlySpan<float> logits, float largest, SamplingRule rule, SoftmaxScale scale)
    {
        bool hasTopK = rule.TopK < logits.Length;
        if (!hasTopK && rule.TopP >= 1)
        {
            return false;
        }

        int kept;
        if (hasTopK)
        {
            Collect(logits, BoundOfLargest(logits, rule.TopK!.Value));
            kept = Math.Min(rule.TopK.Value, _candidates);
            _masses.AsSpan(0, _candidates).Fill(1);
            kept = Divide(_candidates, (UInt128)kept);
            if (rule.TopP < 1)
            {
                UInt128 total = TakeMasses(logits, kept, largest, scale);
                kept = Divide(kept, Share(rule.TopP, total));
            }
        }
        else
        {
            UInt128 total = Weigh(logits, largest, scale);
            UInt128 target = Share(rule.TopP, total);

            // Tokens of at most (total - target) / s each leave at least the target to the others.
            UInt128 light = (total - target) / (UInt128)logits.Length >> RestBits;
            Collect(logits, SmallestAbove(logits, (uint)light));
            TakeMasses(_candidates);
            kept = Divide(_candidates, target);
        }

        Keep(logits, kept);
        return true;
    }

    /// <summary>The token of a key.</summary>
    private static int TokenOf(ulong key) => (int)~(uint)key;

    /// <summary>Orders by logit, then the lower token first: the first has the largest key. Zeros of both signs are one.</summary>
    private static ulong Key(float logit, int token)
    {
        uint bits = BitConverter.SingleToUInt32Bits(logit + 0f);
        bits ^= (uint)((int)bits >> 31) | 0x80000000;
        return ((ulong)bits << 32) | ~(uint)token;
    }

    /// <summary>The smallest whole number that is at least p of the total.</summary>
    private static UInt128 Share(double p, UInt128 total)
    {
        ulong bits = BitConverter.DoubleToUInt64Bits(p);
        int exponent = (int)(bits >> 52);
        ulong mantissa = bits & ((1ul << 52) - 1);
        (mantissa, exponent) = exponent == 0 ? (mantissa, -1074) : (mantissa | (1ul << 52), exponent - 1075);
        BigInteger product = mantissa * (BigInteger)total;
        return (UInt128)(-(-product >> -exponent));
    }

    /// <summary>
    /// At least k tokens have a logit of this or more: the k-th largest of maxima over disjoint groups of tokens.
    /// </summary>
    private float BoundOfLargest(ReadOnlySpan<float> logits, int k)
    {
        long groups = (4L * k + 63) / 64 * 64;
        if (groups > logits.Length / 4)
        {
            return float.NegativeInfinity;
        }

        Reserve(ref _maxima, (int)groups);
        Span<float> maxima = _maxima.AsSpan(0, (int)groups);
        logits[..maxima.Length].CopyTo(maxima);
        for (int start = maxima.Length; start < logits.Length; start += maxima.Length)
        {
            ReadOnlySpan<float> part = logits.Slice(start, Math.Min(maxima.Length, logits.Length - start));
            int i = 0;
            for (; i <= part.Length - Vector<float>.Count; i += Vector<float>.Count)
            {
                Vector.MaxNative(new Vector<float>(part[i..]), new Vector<float>(maxima[i..])).CopyTo(maxima[i..]);
            }

            for (; i < part.Length; i++)
            {
                maxima[i] = Math.Max(maxima[i], part[i]);
            }
        }

        ReserveCandidates(maxima.Length);
        for (int i = 0; i < maxima.Length; i++)
        {
            _keys[i] = Key(maxima[i], i);
            _masses[i] = 1;
        }

        int kept = Divide(maxima.Length, (UInt128)k);
        float bound = float.PositiveInfinity;
        for (int i = 0; i < kept; i++)
        {
            bound = Math.Min(bound, maxima[TokenOf(_keys[i])]);
        }

        return bound;
    }

    /// <summary>Makes candidates of the tokens with at least this logit, and a probability above 0.</summary>
    private void Collect(ReadOnlySpan<float> logits, float bound)
    {
        bound = Math.Max(bound, float.MinValue);
        var bounds = new Vector<float>(bound);
        _candidates = 0;
        int i = 0;
        for (; i <= logits.Length - Vector<float>.Count; i += Vector<float>.Count)
        {
            if (Vector.GreaterThanOrEqualAny(new Vector<float>(logits[i..]), bounds))
            {
                CollectFrom(logits, i, i + Vector<float>.Count, bound);
            }
        }

        CollectFrom(logits, i, logits.Length, bound);
    }

    private void CollectFrom(ReadOnlySpan<float> logits, int start, int end, float bound)
    {
        ReserveCandidates(_candidates + end - start);
        int count = _candidates;
        Span<ulong> keys = _keys;
        for (int i = start; i < end; i++)
        {
            // Written in any case, counted if it belongs: no branch to mispredict.
            keys[count] = Key(logits[i], i);
            count += Convert.ToInt32(logits[i] >= bound);
        }

        _candidates = count;
    }

    /// <summary>Gives the first candidates their masses, and tells their sum.</summary>
    private UInt128 TakeMasses(ReadOnlySpan<float> logits, int count, float largest, SoftmaxScale scale)
    {
        UInt128 total = 0;
        for (int i = 0; i < count; i++)
        {
            uint mantissa = SoftmaxWeight.Mantissa(logits[TokenOf(_keys[i])] - largest, scale, out int shift);
            _masses[i] = shift < 64 ? (ulong)mantissa << RestBits >> shift : 0;
            total += _masses[i];
        }

        return total;
    }

    /// <summary>Gives the first candidates the masses that <see cref="Weigh"/> left behind.</summary>
    private void TakeMasses(int count)
    {
        for (int i = 0; i < count; i++)
        {
            int token = TokenOf(_keys[i]);
            _masses[i] = ((ulong)_units[token] << RestBits) + _rests[token];
        }
    }

    /// <summary>The mass of all tokens; leaves their whole units and their rests behind.</summary>
    private UInt128 Weigh(ReadOnlySpan<float> logits, float largest, SoftmaxScale scale)
    {
        Reserve(ref _units, logits.Length + 16);
        Reserve(ref _rests, logits.Length + 16);
        Span<uint> sums = stackalloc uint[32];
        ref uint unitSums = ref MemoryMarshal.GetReference(sums);
        ref uint restSums = ref Unsafe.Add(ref unitSums, 16);
        ref float first = ref MemoryMarshal.GetReference(logits);
        var weights = new WeightLanes<TLanes>(largest, scale);
        TLanes restScale = TLanes.Broadcast(1 << RestBits);
        ulong units = 0;
        ulong rests = 0;
        int whole = logits.Length - (logits.Length % TLanes.Count);

        // Eight vectors at a time: their lanes add up to at most 8·2^28.
        for (int start = 0; start < logits.Length; start += 8 * TLanes.Count)
        {
            TLanes unitSum = TLanes.Broadcast(0);
            TLanes restSum = TLanes.Broadcast(0);
            int end = Math.Min(start + (8 * TLanes.Count), logits.Length);
            for (int i = start; i < end; i += TLanes.Count)
            {
                ref float source = ref Unsafe.Add(ref first, i);
                if (i >= whole)
                {
                    _last.AsSpan().Fill(float.NegativeInfinity);
                    logits[whole..].CopyTo(_last);
                    source = ref MemoryMarshal.GetArrayDataReference(_last);
                }

                TLanes weight = weights.Weigh(TLanes.Load(ref source, 0));
                TLanes unit = TLanes.Truncate(weight);

                // Below 1 and not rounded; so is its product with a power of two.
                TLanes rest = TLanes.Subtract(weight, TLanes.ToSingle(unit));
                rest = TLanes.Truncate(TLanes.MultiplyAdd(rest, restScale, TLanes.Broadcast(0)));
                unitSum = TLanes.AddIntegers(unitSum, unit);
                restSum = TLanes.AddIntegers(restSum, rest);
                TLanes.Store(unit, ref _units[i], 0);
                TLanes.Store(rest, ref _rests[i], 0);
            }

            TLanes.Store(unitSum, ref unitSums, 0);
            TLanes.Store(restSum, ref restSums, 0);
            for (int lane = 0; lane < TLanes.Count; lane++)
            {
                units += Unsafe.Add(ref unitSums, lane);
                rests += Unsafe.Add(ref restSums, lane);
            }
        }

        return ((UInt128)units << RestBits) + rests;
    }

    /// <summary>The smallest logit among the tokens of more than so many whole units.</summary>
    private float SmallestAbove(ReadOnlySpan<float> logits, uint light)
    {
        var lights = new Vector<uint>(light);
        var none = new Vector<float>(float.PositiveInfinity);
        Vector<float> smallest = none;
        int i = 0;
        for (; i <= logits.Length - Vector<float>.Count; i += Vector<float>.Count)
        {
            Vector<uint> isHeavy = Vector.GreaterThan(new Vector<uint>(_units.AsSpan(i)), lights);
            smallest = Vector.MinNative(
                smallest,
                Vector.ConditionalSelect(Vector.AsVectorInt32(isHeavy), new Vector<float>(logits[i..]), none)
            );
        }

        float found = float.PositiveInfinity;
        for (int lane = 0; lane < Vector<float>.Count; lane++)
        {
            found = Math.Min(found, smallest[lane]);
        }

        for (; i < logits.Length; i++)
        {
            found = _units[i] > light ? Math.Min(found, logits[i]) : found;
        }

        return found;
    }

    /// <summary>
    /// Brings the largest keys to the front, as few as have masses that add up to the target, and tells how many.
    /// </summary>
    /// <param name="count">How many candidates there are, at least 1.</param>
    /// <param name="target">More than 0, at most the sum of their masses.</param>
    private int Divide(int count, UInt128 target)
    {
        // The first `start` are in, those from `end` on are out, and the target is what is still missing.
        int start = 0;
        int end = count;
        while (end - start > 1)
        {
            ulong pivot = Pivot(start, end);
            int middle = start;
            UInt128 mass = 0;
            for (int i = start; i < end; i++)
            {
                (ulong key, ulong value) = (_keys[i], _masses[i]);
                _keys[i] = _keys[middle];
                _masses[i] = _masses[middle];
                _keys[middle] = key;
                _masses[middle] = value;

                // Which side it is cannot be predicted, so no branch is taken on it.
                int isFirst = Convert.ToInt32(key >= pivot);
                mass += value & (ulong)-isFirst;
                middle += isFirst;
            }

            if (mass >= target)
            {
                end = middle;
            }
            else
            {
                start = middle;
                target -= mass;
            }
        }

        return end;
    }

    /// <summary>A key of the range that is not its smallest: keys differ, so that the range becomes shorter.</summary>
    private ulong Pivot(int start, int end)
    {
        ulong a = _keys[start];
        ulong b = _keys[end - 1];
        ulong c = _keys[start + ((end - start) / 2)];
        return end - start == 2 ? Math.Max(a, b) : Math.Max(Math.Min(a, b), Math.Min(Math.Max(a, b), c));
    }

    /// <summary>Puts the first candidates in the order of tokens.</summary>
    private void Keep(ReadOnlySpan<float> logits, int count)
    {
        Reserve(ref _marks, (logits.Length / 64) + 1);
        Reserve(ref _logits, count);
        Reserve(ref _tokens, count);
        for (int i = 0; i < count; i++)
        {
            int token = TokenOf(_keys[i]);
            _marks[token / 64] |= 1ul << token;
        }

        _kept = 0;
        for (int word = 0; word <= logits.Length / 64; word++)
        {
            for (ulong rest = _marks[word]; rest != 0; rest &= rest - 1)
            {
                int token = (word * 64) + BitOperations.TrailingZeroCount(rest);
                _tokens[_kept] = token;
                _logits[_kept++] = logits[token];
            }

            _marks[word] = 0;
        }
    }

    private void ReserveCandidates(int count)
    {
        if (_keys.Length < count)
        {
            int length = (int)Math.Min(Math.Max(2L * _keys.Length, count), Array.MaxLength);
            Array.Resize(ref _keys, length);
            Array.Resize(ref _masses, length);
        }
    }

    private static void Reserve<T>(ref T[] buffer, int length)
    {
        if (buffer.Length < length)
        {
            buffer = new T[length];
        }
    }
}
