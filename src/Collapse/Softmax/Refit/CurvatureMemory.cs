namespace Collapse.Softmax.Refit;

/// <summary>The last steps and gradient changes of L-BFGS, from which it makes its direction.</summary>
internal sealed class CurvatureMemory(PanelAlgebra algebra)
{
    private const int MostPairs = 8;

    private readonly List<Pair> _pairs = [];

    /// <summary>No pair: the direction is the plain gradient.</summary>
    public bool IsEmpty => _pairs.Count == 0;

    public void Clear() => _pairs.Clear();

    /// <summary>Takes in a step length·direction that led from one gradient to another.</summary>
    public void Add(AlignedFloats direction, float length, AlignedFloats from, AlignedFloats to)
    {
        Pair pair;
        if (_pairs.Count == MostPairs)
        {
            pair = _pairs[0];
            _pairs.RemoveAt(0);
        }
        else
        {
            pair = new Pair(new AlignedFloats(direction.Length), new AlignedFloats(direction.Length));
        }

        algebra.Combine(pair.Step, 0, length, direction);
        algebra.Combine(pair.Change, 0, 1, to);
        algebra.Add(pair.Change, -1, from);
        pair.Product = algebra.Dot(pair.Step, pair.Change);
        pair.ChangeSquared = algebra.Dot(pair.Change, pair.Change);

        // Convexity makes the product positive; rounding may not, and such a pair says nothing.
        if (pair.Product > 1e-12 * pair.ChangeSquared)
        {
            _pairs.Add(pair);
        }
    }

    /// <summary>Writes -H·gradient by the two-loop recursion.</summary>
    /// <param name="gradient">The gradient.</param>
    /// <param name="direction">Where to write.</param>
    /// <param name="firstScale">H where nothing is remembered yet.</param>
    public void WriteDirection(AlignedFloats gradient, AlignedFloats direction, double firstScale)
    {
        var factors = new double[_pairs.Count];
        algebra.Combine(direction, 0, -1, gradient);
        for (int i = _pairs.Count - 1; i >= 0; i--)
        {
            factors[i] = algebra.Dot(_pairs[i].Step, direction) / _pairs[i].Product;
            algebra.Add(direction, (float)-factors[i], _pairs[i].Change);
        }

        double scale = IsEmpty ? firstScale : _pairs[^1].Product / _pairs[^1].ChangeSquared;
        algebra.Combine(direction, (float)scale, 0, direction);
        for (int i = 0; i < _pairs.Count; i++)
        {
            double factor = factors[i] - (algebra.Dot(_pairs[i].Change, direction) / _pairs[i].Product);
            algebra.Add(direction, (float)factor, _pairs[i].Step);
        }
    }

    private sealed record Pair(AlignedFloats Step, AlignedFloats Change)
    {
        public double Product { get; set; }

        public double ChangeSquared { get; set; }
    }
}
