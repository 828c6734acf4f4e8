using System.Collections.Immutable;
using Collapse.Results;
using Collapse.Softmax.Refit;
using Spectre.Console;

namespace Collapse.Cli;

/// <summary>A dozen generations of a run, first and last among them, spread evenly in the logarithm.</summary>
internal static class TrajectoryTable
{
    private const int AllRows = 14;
    private const int ChosenRows = 13;

    public static Table Create(RunResult result)
    {
        List<(string Header, Func<int, string> Cell)> columns =
        [
            ("gener-\nation", i => Figures.Whole(result.Generation[i])),
            ("sum of\nsquares", i => Figures.Real(result[Observable.SumOfSquares].Mean[i])),
            ("\nmax p", i => Figures.Real(result[Observable.MaxProbability].Mean[i])),
            ("\nsupport", i => Figures.Mean(result[Observable.Support].Mean[i])),
            ("\nentropy", i => Figures.Real(result[Observable.Entropy].Mean[i])),
            ("L1 from\nfirst", i => Figures.Real(result[Observable.L1FromFirst].Mean[i])),
            ("L1 from\ntruth", i => Figures.Real(result[Observable.L1FromTruth].Mean[i])),
            ("unseen\nmass", i => Figures.Real(result[Observable.UnseenMass].Mean[i])),
            ("collap-\nsed %", i => Figures.Percent(result.CollapsedFraction[i])),
        ];
        if (result.Plan.IsCorpus)
        {
            columns.RemoveAt(6);
        }

        if (result.Plan.IsSoftmax)
        {
            ChangeForSoftmax(columns, result);
        }

        if (result.HeldOut is HeldOutSeries heldOut)
        {
            columns.Add(("covered\nnats", i => Figures.Real(heldOut.CoveredCrossEntropy[i])));
            if (IsClosed(result))
            {
                columns.Add(("held-out\nunseen %", i => Figures.Percent(heldOut.Unseen[i])));
            }
        }

        return Fill(columns, Choose(result.Generation));
    }

    /// <summary>
    /// Softmax models give every token some probability, unless they are closed forms: their support and unseen mass
    /// say little, the support of their training sets more. And they have two kinds of error; a closed form has one.
    /// </summary>
    private static void ChangeForSoftmax(List<(string Header, Func<int, string> Cell)> columns, RunResult result)
    {
        columns[3] = ("train.\nsupport", i => Figures.Mean(result[Observable.TrainingSupport].Mean[i]));
        bool isClosed = IsClosed(result);
        int unseen = columns.Count - 2;
        columns.Insert(unseen + 1, ("stat.\nerror", i => Figures.Real(result[Observable.StatisticalError].Mean[i])));
        if (!isClosed)
        {
            columns.Insert(
                unseen + 2,
                ("funct.\nerror", i => Figures.Real(result[Observable.FunctionalError].Mean[i]))
            );
        }

        // Held-out text says what is unseen, too, and needs the room.
        if (!isClosed || result.HeldOut is not null)
        {
            columns.RemoveAt(unseen);
        }
    }

    /// <summary>Whether tokens that were not drawn have no probability.</summary>
    private static bool IsClosed(RunResult result) => result.Plan.Settings.Classifier.Refit is RefitMethod.Closed;

    /// <summary>Indices of the generations to show.</summary>
    internal static IReadOnlyList<int> Choose(ImmutableArray<int> generations)
    {
        if (generations.Length <= AllRows)
        {
            return [.. Enumerable.Range(0, generations.Length)];
        }

        var chosen = new SortedSet<int>();
        for (int k = 0; k < ChosenRows; k++)
        {
            int wanted = (int)Math.Round(Math.Pow(generations[^1], k / (ChosenRows - 1.0)));
            int index = generations.BinarySearch(wanted);
            chosen.Add(Math.Min(index < 0 ? ~index : index, generations.Length - 1));
        }

        return [.. chosen];
    }

    private static Table Fill(List<(string Header, Func<int, string> Cell)> columns, IReadOnlyList<int> rows)
    {
        var table = new Table { Border = TableBorder.Simple, UseSafeBorder = false };
        foreach ((string header, _) in columns)
        {
            table.AddColumn(
                new TableColumn(new Text(header, new Style(decoration: Decoration.Bold)))
                    .RightAligned()
                    .NoWrap()
                    .Padding(0, 0)
            );
        }

        foreach (int row in rows)
        {
            table.AddRow(columns.Select(column => new Text(column.Cell(row))));
        }

        return table;
    }
}
