using Collapse.Kernels;

namespace Collapse.Results;

/// <summary>
/// Sums over contexts at each reported generation. A context that has left the work is added once, to
/// everything from a generation on; <see cref="Spread"/> carries those additions forward at the end.
/// </summary>
internal sealed class Tally
{
    private readonly Part _at;
    private readonly Part _from;

    public Tally(int generations, int observables = Observables.Count)
    {
        _at = new Part(generations, observables);
        _from = new Part(generations, observables);
    }

    /// <summary>Adds a context at one reported generation.</summary>
    public void Add(int index, in Entry entry) => _at.Add(index, entry);

    /// <summary>Fetches what <see cref="Add(int, in Entry)"/> will change.</summary>
    public void Prefetch(int index, ReadOnlySpan<long> values) => _at.Prefetch(index, values);

    /// <summary>Adds all contexts that a device has added up at one reported generation.</summary>
    public void Add(int index, ReadOnlySpan<long> sums, ReadOnlySpan<int> bins) => _at.Add(index, sums, bins);

    /// <summary>Adds a context at this reported generation and all later ones.</summary>
    public void AddFrom(int index, in Entry entry)
    {
        if (index < _from.Contexts.Length)
        {
            _from.Add(index, entry);
        }
    }

    /// <summary>Adds all that another tally has counted.</summary>
    public void Add(Tally other)
    {
        for (int i = 0; i < _at.Contexts.Length; i++)
        {
            _at.Add(i, other._at, i);
            _from.Add(i, other._from, i);
        }
    }

    /// <summary>Carries the contexts that left forward; call once, when all is added.</summary>
    public Part Spread()
    {
        for (int i = 0; i < _at.Contexts.Length; i++)
        {
            if (i > 0)
            {
                _from.Add(i, _from, i - 1);
            }

            _at.Add(i, _from, i);
        }

        return _at;
    }

    /// <summary>What one context adds: values in fixed point (-1 undefined), its weight, and its held-out sums.</summary>
    public ref struct Entry
    {
        public ReadOnlySpan<long> Values;
        public long Weight;
        public bool Collapsed;
        public long HeldOutNegativeLog;
        public long HeldOutCovered;
    }

    /// <summary>The sums themselves.</summary>
    public sealed class Part(int generations, int observables)
    {
        public readonly Moments[] Moments = new Moments[generations * observables];
        public readonly QuantileSketch Sketch = new(generations * observables);
        public readonly long[] Contexts = new long[generations];
        public readonly long[] Collapsed = new long[generations];
        public readonly Int128[] Weights = new Int128[generations];
        public readonly Int128[] HeldOutNegativeLog = new Int128[generations];
        public readonly long[] HeldOutCovered = new long[generations];

        public void Prefetch(int index, ReadOnlySpan<long> values)
        {
            for (int o = 0; o < observables; o++)
            {
                if (values[o] >= 0)
                {
                    Sketch.Prefetch((index * observables) + o, values[o]);
                }
            }
        }

        public void Add(int index, in Entry entry)
        {
            for (int o = 0; o < observables; o++)
            {
                if (entry.Values[o] >= 0)
                {
                    int cell = index * observables + o;
                    Moments[cell].Add(entry.Values[o], entry.Weight);
                    Sketch.Add(cell, entry.Values[o]);
                }
            }

            Contexts[index]++;
            Collapsed[index] += entry.Collapsed ? 1 : 0;
            Weights[index] += entry.Weight;
            HeldOutNegativeLog[index] += entry.HeldOutNegativeLog;
            HeldOutCovered[index] += entry.HeldOutCovered;
        }

        public void Add(int index, ReadOnlySpan<long> sums, ReadOnlySpan<int> bins)
        {
            for (int o = 0; o < Observables.Count; o++)
            {
                int cell = index * Observables.Count + o;
                ReadOnlySpan<long> part = sums.Slice(o * RowSumsKernel.PartLength, RowSumsKernel.PartLength);
                if (part[RowSumsKernel.Count] > 0)
                {
                    Moments[cell].Add(part);
                    Sketch.AddBins(cell, bins.Slice(o * SketchBins.Count, SketchBins.Count));
                }
            }

            ReadOnlySpan<long> rest = sums[(RowSumsKernel.Observables * RowSumsKernel.PartLength)..];
            Contexts[index] += rest[RowSumsKernel.Contexts];
            Collapsed[index] += rest[RowSumsKernel.Collapsed];
            Weights[index] += rest[RowSumsKernel.Weights];
            HeldOutNegativeLog[index] +=
                ((Int128)rest[RowSumsKernel.HeldOutLog + 1] << 32) + rest[RowSumsKernel.HeldOutLog];
            HeldOutCovered[index] += rest[RowSumsKernel.HeldOutCovered];
        }

        public void Add(int index, Part other, int otherIndex)
        {
            if (other.Contexts[otherIndex] == 0)
            {
                return;
            }

            for (int o = 0; o < observables; o++)
            {
                int cell = index * observables + o;
                int otherCell = otherIndex * observables + o;
                Moments[cell].Add(other.Moments[otherCell]);
                Sketch.AddCell(cell, other.Sketch, otherCell);
            }

            Contexts[index] += other.Contexts[otherIndex];
            Collapsed[index] += other.Collapsed[otherIndex];
            Weights[index] += other.Weights[otherIndex];
            HeldOutNegativeLog[index] += other.HeldOutNegativeLog[otherIndex];
            HeldOutCovered[index] += other.HeldOutCovered[otherIndex];
        }
    }
}
