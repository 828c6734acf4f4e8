using System.Runtime.ExceptionServices;

namespace Collapse.Softmax.Refit;

/// <summary>Hands numbered blocks of work to threads, in order.</summary>
internal static class BlockLoop
{
    /// <summary>Runs all blocks; returns when the last is done.</summary>
    /// <param name="blocks">Number of blocks.</param>
    /// <param name="threads">Threads at most.</param>
    /// <param name="workspaceOf">What a thread works with, by its number from 0.</param>
    /// <param name="work">Does one block.</param>
    /// <param name="cancellation">Ends it between blocks.</param>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static void Run<TWorkspace>(
        int blocks,
        int threads,
        Func<int, TWorkspace> workspaceOf,
        Action<TWorkspace, int> work,
        CancellationToken cancellation
    )
    {
        int next = -1;
        void Take(int worker)
        {
            TWorkspace workspace = workspaceOf(worker);
            int block;
            while (!cancellation.IsCancellationRequested && (block = Interlocked.Increment(ref next)) < blocks)
            {
                work(workspace, block);
            }
        }

        int workers = Math.Min(threads, blocks);
        if (workers <= 1)
        {
            Take(0);
        }
        else
        {
            try
            {
                Parallel.For(0, workers, new ParallelOptions { MaxDegreeOfParallelism = workers }, Take);
            }
            catch (AggregateException e)
            {
                ExceptionDispatchInfo.Throw(e.InnerExceptions[0]);
            }
        }

        cancellation.ThrowIfCancellationRequested();
    }
}
