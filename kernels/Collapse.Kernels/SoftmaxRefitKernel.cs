using ILGPU;

namespace Collapse.Kernels;

/// <summary>
/// The gradient of the softmax classifier over embedded contexts, in float32: tiles of 16 contexts × 16 tokens, a
/// thread each, with embeddings and W passing through shared memory. c × s logits never exist. Every sum has one
/// owner and a fixed order, so a device gives the same bits each time; other devices may round otherwise.
/// </summary>
public static class SoftmaxRefitKernel
{
    /// <summary>Contexts and tokens of a tile.</summary>
    public const int Tile = 16;

    /// <summary>Threads of a group.</summary>
    public const int GroupSize = Tile * Tile;

    /// <summary>Finds the largest logit and the sum of exponentials of every context.</summary>
    /// <remarks>Explicitly grouped, <see cref="GroupSize"/> threads; groups stride over blocks of contexts.</remarks>
    public static void Normalise(SoftmaxRefitSettings settings, SoftmaxRefitBatch batch)
    {
        ArrayView<float> left = SharedMemory.Allocate<float>(GroupSize);
        ArrayView<float> right = SharedMemory.Allocate<float>(GroupSize);
        int row = Group.IdxX / Tile;
        int column = Group.IdxX % Tile;
        for (int first = Grid.IdxX * Tile; first < settings.Contexts; first += Grid.DimX * Tile)
        {
            // Each thread takes every sixteenth token of one context; these are joined at the end.
            float max = float.NegativeInfinity;
            float sum = 0;
            for (int token = 0; token < settings.Columns; token += Tile)
            {
                float z = Logit(settings, batch, first, token, left, right);
                if (token + column < settings.Columns)
                {
                    float m = batch.Multiplicity[token + column];
                    float larger = z > max ? z : max;
                    sum = (sum * Exp(max - larger)) + (m * Exp(z - larger));
                    max = larger;
                }
            }

            left[Group.IdxX] = max;
            right[Group.IdxX] = sum;
            Group.Barrier();
            if (column == 0 && first + row < settings.Contexts)
            {
                Join(batch, first + row, left, right, row * Tile);
            }

            Group.Barrier();
        }
    }

    /// <summary>Adds Σ_j w_j e_j p_jᵀ to the gradient.</summary>
    /// <remarks>Explicitly grouped, <see cref="GroupSize"/> threads; groups stride over blocks of tokens.</remarks>
    public static void Accumulate(SoftmaxRefitSettings settings, SoftmaxRefitBatch batch)
    {
        ArrayView<float> left = SharedMemory.Allocate<float>(GroupSize);
        ArrayView<float> right = SharedMemory.Allocate<float>(GroupSize);
        int row = Group.IdxX / Tile;
        int column = Group.IdxX % Tile;
        for (int token = Grid.IdxX * Tile; token < settings.Columns; token += Grid.DimX * Tile)
        {
            for (int first = 0; first < settings.Contexts; first += Tile)
            {
                float z = Logit(settings, batch, first, token, left, right);
                float p = 0;
                if (first + row < settings.Contexts)
                {
                    int context = first + row;
                    p = Exp(z - batch.Max[context]) * (batch.ContextWeights[context] / batch.Sum[context]);
                }

                left[Group.IdxX] = p;
                Group.Barrier();
                AddTile(settings, batch, first, token, row, column, left);
                Group.Barrier();
            }
        }
    }

    /// <summary>
    /// e^x in float32 for x ≤ 0, and 0 where it would be subnormal: the polynomial of the CPU's vectors, in plain
    /// operations that a device may fuse.
    /// </summary>
    /// <param name="x">The exponent, at most 88.</param>
    public static float Exp(float x)
    {
        if (x < -87.33654f)
        {
            return 0;
        }

        // Adding 1.5·2^23 rounds x/ln 2 to a whole number k, which then stands in the low bits of the sum.
        float shifted = (x * 1.44269504f) + 12582912f;
        float k = shifted - 12582912f;
        float r = x - (k * 0.693359375f);
        r += k * 2.12194442e-4f;
        float p = (0.0013814541f * r) + 0.0083687454f;
        p = (p * r) + 0.04166839f;
        p = (p * r) + 0.16666521f;
        p = (p * r) + 0.49999994f;
        p = (p * (r * r)) + r;
        int power = (int)(Interop.FloatAsInt(shifted) << 23) + 0x3F800000;
        return (p + 1) * Interop.IntAsFloat((uint)power);
    }

    /// <summary>The logit of this thread's context and token; 0 outside the matrix. All threads of the group pass.</summary>
    private static float Logit(
        SoftmaxRefitSettings settings,
        SoftmaxRefitBatch batch,
        int first,
        int token,
        ArrayView<float> left,
        ArrayView<float> right
    )
    {
        int row = Group.IdxX / Tile;
        int column = Group.IdxX % Tile;
        float z = 0;
        for (int k = 0; k < settings.Dimensions; k += Tile)
        {
            float e = 0;
            if (first + row < settings.Contexts && k + column < settings.Dimensions)
            {
                e = batch.Embeddings[((long)(first + row) * settings.Dimensions) + k + column];
            }

            float w = 0;
            if (k + row < settings.Dimensions && token + column < settings.Columns)
            {
                w = batch.Weights[((long)(k + row) * settings.Columns) + token + column];
            }

            left[Group.IdxX] = e;
            right[Group.IdxX] = w;
            Group.Barrier();
            for (int i = 0; i < Tile; i++)
            {
                z += left[(row * Tile) + i] * right[(i * Tile) + column];
            }

            Group.Barrier();
        }

        return z;
    }

    /// <summary>Joins the 16 running sums of one context, in order.</summary>
    private static void Join(
        SoftmaxRefitBatch batch,
        int context,
        ArrayView<float> maxima,
        ArrayView<float> sums,
        int start
    )
    {
        float max = maxima[start];
        for (int i = 1; i < Tile; i++)
        {
            float other = maxima[start + i];
            max = other > max ? other : max;
        }

        float sum = 0;
        for (int i = 0; i < Tile; i++)
        {
            sum += sums[start + i] * Exp(maxima[start + i] - max);
        }

        batch.Max[context] = max;
        batch.Sum[context] = sum;
    }

    /// <summary>Adds 16 contexts to a column: this thread has every sixteenth dimension of it.</summary>
    private static void AddTile(
        SoftmaxRefitSettings settings,
        SoftmaxRefitBatch batch,
        int first,
        int token,
        int row,
        int column,
        ArrayView<float> probabilities
    )
    {
        if (token + column >= settings.Columns)
        {
            return;
        }

        int contexts = settings.Contexts - first;
        contexts = contexts < Tile ? contexts : Tile;
        for (int k = row; k < settings.Dimensions; k += Tile)
        {
            long place = ((long)k * settings.Columns) + token + column;
            float sum = 0;
            for (int i = 0; i < contexts; i++)
            {
                sum +=
                    batch.Embeddings[((long)(first + i) * settings.Dimensions) + k]
                    * probabilities[(i * Tile) + column];
            }

            batch.Gradient[place] += sum;
        }
    }
}
