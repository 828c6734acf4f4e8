using System.Runtime.CompilerServices;

namespace Collapse.Softmax.Refit;

/// <summary>
/// The two matrix products of the gradient, in register blocks. Embeddings are packed in groups of 8 contexts: in
/// a group dimension after dimension, 8 numbers each (e of context j, dimension k at 8k + j). Every result is one
/// chain of fused multiply-adds in the order of its summation index, so its bits do not depend on the width.
/// </summary>
internal static unsafe class MicroKernel
{
    private const int Width = PanelShape.Width;
    private const int Group = PanelShape.RowGroup;

    /// <summary>Logits of a group of 8 contexts and a panel of 32 tokens: z_ji = Σ_k e_jk W_ki.</summary>
    /// <param name="e">The packed group.</param>
    /// <param name="w">The panel of W, d × 32.</param>
    /// <param name="dimensions">d, padded.</param>
    /// <param name="logits">8 × 32 numbers.</param>
    public static void Logits<TLanes>(float* e, float* w, int dimensions, float* logits)
        where TLanes : unmanaged, IFloatLanes<TLanes>
    {
        if (TLanes.Count == 16)
        {
            Logits8<TLanes>(e, w, dimensions, logits);
            return;
        }

        for (int column = 0; column < Width; column += 2 * TLanes.Count)
        {
            Logits4<TLanes>(e, w + column, dimensions, logits + column);
            Logits4<TLanes>(e + 4, w + column, dimensions, logits + column + (4 * Width));
        }
    }

    /// <summary>Adds to 8 rows of a panel of the gradient: G_ki += Σ_j e_jk p_ji over the contexts of some groups.</summary>
    /// <param name="e">The first packed group, at the first of the 8 dimensions.</param>
    /// <param name="groupStride">Numbers from one group to the next.</param>
    /// <param name="groups">Groups of 8 contexts.</param>
    /// <param name="p">p of the contexts, 32 numbers each.</param>
    /// <param name="gradient">8 × 32 numbers.</param>
    public static void AddGradient<TLanes>(float* e, int groupStride, int groups, float* p, float* gradient)
        where TLanes : unmanaged, IFloatLanes<TLanes>
    {
        if (TLanes.Count == 16)
        {
            AddGradient8<TLanes>(e, groupStride, groups, p, gradient);
            return;
        }

        for (int column = 0; column < Width; column += 2 * TLanes.Count)
        {
            AddGradient4<TLanes>(e, groupStride, groups, p + column, gradient + column);
            AddGradient4<TLanes>(e + (4 * Group), groupStride, groups, p + column, gradient + column + (4 * Width));
        }
    }

    // Eight rows of two vectors: 16 sums in 32 registers.
    private static void Logits8<TLanes>(float* e, float* w, int dimensions, float* logits)
        where TLanes : unmanaged, IFloatLanes<TLanes>
    {
        TLanes a0 = default,
            a1 = default,
            a2 = default,
            a3 = default;
        TLanes a4 = default,
            a5 = default,
            a6 = default,
            a7 = default;
        TLanes b0 = default,
            b1 = default,
            b2 = default,
            b3 = default;
        TLanes b4 = default,
            b5 = default,
            b6 = default,
            b7 = default;
        for (int k = 0; k < dimensions; k++, e += Group, w += Width)
        {
            TLanes w0 = TLanes.Load(w);
            TLanes w1 = TLanes.Load(w + TLanes.Count);
            TLanes x = TLanes.Broadcast(e[0]);
            a0 = TLanes.FusedMultiplyAdd(x, w0, a0);
            b0 = TLanes.FusedMultiplyAdd(x, w1, b0);
            x = TLanes.Broadcast(e[1]);
            a1 = TLanes.FusedMultiplyAdd(x, w0, a1);
            b1 = TLanes.FusedMultiplyAdd(x, w1, b1);
            x = TLanes.Broadcast(e[2]);
            a2 = TLanes.FusedMultiplyAdd(x, w0, a2);
            b2 = TLanes.FusedMultiplyAdd(x, w1, b2);
            x = TLanes.Broadcast(e[3]);
            a3 = TLanes.FusedMultiplyAdd(x, w0, a3);
            b3 = TLanes.FusedMultiplyAdd(x, w1, b3);
            x = TLanes.Broadcast(e[4]);
            a4 = TLanes.FusedMultiplyAdd(x, w0, a4);
            b4 = TLanes.FusedMultiplyAdd(x, w1, b4);
            x = TLanes.Broadcast(e[5]);
            a5 = TLanes.FusedMultiplyAdd(x, w0, a5);
            b5 = TLanes.FusedMultiplyAdd(x, w1, b5);
            x = TLanes.Broadcast(e[6]);
            a6 = TLanes.FusedMultiplyAdd(x, w0, a6);
            b6 = TLanes.FusedMultiplyAdd(x, w1, b6);
            x = TLanes.Broadcast(e[7]);
            a7 = TLanes.FusedMultiplyAdd(x, w0, a7);
            b7 = TLanes.FusedMultiplyAdd(x, w1, b7);
        }

        Store(logits, a0, b0);
        Store(logits + Width, a1, b1);
        Store(logits + (2 * Width), a2, b2);
        Store(logits + (3 * Width), a3, b3);
        Store(logits + (4 * Width), a4, b4);
        Store(logits + (5 * Width), a5, b5);
        Store(logits + (6 * Width), a6, b6);
        Store(logits + (7 * Width), a7, b7);
    }

    // Four rows of two vectors: 8 sums in 16 registers.
    private static void Logits4<TLanes>(float* e, float* w, int dimensions, float* logits)
        where TLanes : unmanaged, IFloatLanes<TLanes>
    {
        TLanes a0 = default,
            a1 = default,
            a2 = default,
            a3 = default;
        TLanes b0 = default,
            b1 = default,
            b2 = default,
            b3 = default;
        for (int k = 0; k < dimensions; k++, e += Group, w += Width)
        {
            TLanes w0 = TLanes.Load(w);
            TLanes w1 = TLanes.Load(w + TLanes.Count);
            TLanes x = TLanes.Broadcast(e[0]);
            a0 = TLanes.FusedMultiplyAdd(x, w0, a0);
            b0 = TLanes.FusedMultiplyAdd(x, w1, b0);
            x = TLanes.Broadcast(e[1]);
            a1 = TLanes.FusedMultiplyAdd(x, w0, a1);
            b1 = TLanes.FusedMultiplyAdd(x, w1, b1);
            x = TLanes.Broadcast(e[2]);
            a2 = TLanes.FusedMultiplyAdd(x, w0, a2);
            b2 = TLanes.FusedMultiplyAdd(x, w1, b2);
            x = TLanes.Broadcast(e[3]);
            a3 = TLanes.FusedMultiplyAdd(x, w0, a3);
            b3 = TLanes.FusedMultiplyAdd(x, w1, b3);
        }

        Store(logits, a0, b0);
        Store(logits + Width, a1, b1);
        Store(logits + (2 * Width), a2, b2);
        Store(logits + (3 * Width), a3, b3);
    }

    private static void AddGradient8<TLanes>(float* e, int groupStride, int groups, float* p, float* gradient)
        where TLanes : unmanaged, IFloatLanes<TLanes>
    {
        TLanes a0 = TLanes.Load(gradient);
        TLanes b0 = TLanes.Load(gradient + TLanes.Count);
        TLanes a1 = TLanes.Load(gradient + Width);
        TLanes b1 = TLanes.Load(gradient + Width + TLanes.Count);
        TLanes a2 = TLanes.Load(gradient + (2 * Width));
        TLanes b2 = TLanes.Load(gradient + (2 * Width) + TLanes.Count);
        TLanes a3 = TLanes.Load(gradient + (3 * Width));
        TLanes b3 = TLanes.Load(gradient + (3 * Width) + TLanes.Count);
        TLanes a4 = TLanes.Load(gradient + (4 * Width));
        TLanes b4 = TLanes.Load(gradient + (4 * Width) + TLanes.Count);
        TLanes a5 = TLanes.Load(gradient + (5 * Width));
        TLanes b5 = TLanes.Load(gradient + (5 * Width) + TLanes.Count);
        TLanes a6 = TLanes.Load(gradient + (6 * Width));
        TLanes b6 = TLanes.Load(gradient + (6 * Width) + TLanes.Count);
        TLanes a7 = TLanes.Load(gradient + (7 * Width));
        TLanes b7 = TLanes.Load(gradient + (7 * Width) + TLanes.Count);
        for (int group = 0; group < groups; group++, e += groupStride)
        {
            for (int j = 0; j < Group; j++, p += Width)
            {
                TLanes p0 = TLanes.Load(p);
                TLanes p1 = TLanes.Load(p + TLanes.Count);
                float* column = e + j;
                TLanes x = TLanes.Broadcast(column[0]);
                a0 = TLanes.FusedMultiplyAdd(x, p0, a0);
                b0 = TLanes.FusedMultiplyAdd(x, p1, b0);
                x = TLanes.Broadcast(column[Group]);
                a1 = TLanes.FusedMultiplyAdd(x, p0, a1);
                b1 = TLanes.FusedMultiplyAdd(x, p1, b1);
                x = TLanes.Broadcast(column[2 * Group]);
                a2 = TLanes.FusedMultiplyAdd(x, p0, a2);
                b2 = TLanes.FusedMultiplyAdd(x, p1, b2);
                x = TLanes.Broadcast(column[3 * Group]);
                a3 = TLanes.FusedMultiplyAdd(x, p0, a3);
                b3 = TLanes.FusedMultiplyAdd(x, p1, b3);
                x = TLanes.Broadcast(column[4 * Group]);
                a4 = TLanes.FusedMultiplyAdd(x, p0, a4);
                b4 = TLanes.FusedMultiplyAdd(x, p1, b4);
                x = TLanes.Broadcast(column[5 * Group]);
                a5 = TLanes.FusedMultiplyAdd(x, p0, a5);
                b5 = TLanes.FusedMultiplyAdd(x, p1, b5);
                x = TLanes.Broadcast(column[6 * Group]);
                a6 = TLanes.FusedMultiplyAdd(x, p0, a6);
                b6 = TLanes.FusedMultiplyAdd(x, p1, b6);
                x = TLanes.Broadcast(column[7 * Group]);
                a7 = TLanes.FusedMultiplyAdd(x, p0, a7);
                b7 = TLanes.FusedMultiplyAdd(x, p1, b7);
            }
        }

        Store(gradient, a0, b0);
        Store(gradient + Width, a1, b1);
        Store(gradient + (2 * Width), a2, b2);
        Store(gradient + (3 * Width), a3, b3);
        Store(gradient + (4 * Width), a4, b4);
        Store(gradient + (5 * Width), a5, b5);
        Store(gradient + (6 * Width), a6, b6);
        Store(gradient + (7 * Width), a7, b7);
    }

    private static void AddGradient4<TLanes>(float* e, int groupStride, int groups, float* p, float* gradient)
        where TLanes : unmanaged, IFloatLanes<TLanes>
    {
        TLanes a0 = TLanes.Load(gradient);
        TLanes b0 = TLanes.Load(gradient + TLanes.Count);
        TLanes a1 = TLanes.Load(gradient + Width);
        TLanes b1 = TLanes.Load(gradient + Width + TLanes.Count);
        TLanes a2 = TLanes.Load(gradient + (2 * Width));
        TLanes b2 = TLanes.Load(gradient + (2 * Width) + TLanes.Count);
        TLanes a3 = TLanes.Load(gradient + (3 * Width));
        TLanes b3 = TLanes.Load(gradient + (3 * Width) + TLanes.Count);
        for (int group = 0; group < groups; group++, e += groupStride)
        {
            for (int j = 0; j < Group; j++, p += Width)
            {
                TLanes p0 = TLanes.Load(p);
                TLanes p1 = TLanes.Load(p + TLanes.Count);
                float* column = e + j;
                TLanes x = TLanes.Broadcast(column[0]);
                a0 = TLanes.FusedMultiplyAdd(x, p0, a0);
                b0 = TLanes.FusedMultiplyAdd(x, p1, b0);
                x = TLanes.Broadcast(column[Group]);
                a1 = TLanes.FusedMultiplyAdd(x, p0, a1);
                b1 = TLanes.FusedMultiplyAdd(x, p1, b1);
                x = TLanes.Broadcast(column[2 * Group]);
                a2 = TLanes.FusedMultiplyAdd(x, p0, a2);
                b2 = TLanes.FusedMultiplyAdd(x, p1, b2);
                x = TLanes.Broadcast(column[3 * Group]);
                a3 = TLanes.FusedMultiplyAdd(x, p0, a3);
                b3 = TLanes.FusedMultiplyAdd(x, p1, b3);
            }
        }

        Store(gradient, a0, b0);
        Store(gradient + Width, a1, b1);
        Store(gradient + (2 * Width), a2, b2);
        Store(gradient + (3 * Width), a3, b3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store<TLanes>(float* target, TLanes a, TLanes b)
        where TLanes : unmanaged, IFloatLanes<TLanes>
    {
        TLanes.Store(target, a);
        TLanes.Store(target + TLanes.Count, b);
    }
}
