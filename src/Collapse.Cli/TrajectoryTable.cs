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
            columns.Add(("held-out\nunseen %", i => Figures.Percent(heldOut.Unseen[i])));
        }

        return Fill(columns, Choose(result.Generation));
    }

    /// <summary>
    /// Softmax models give every token some probability, unless they are closed forms: their support and unseen mass
    /// say little, the support of their training sets more. And they have two kinds of error; a closed form has one.
    /// </summary>
    private static void ChangeForSoftmax(List<(string Header, Func<int, string> Cell)> columns, RunResult result)
    {
        columns[3] = ("training\nsupport", i => Figures.Mean(result[Observable.TrainingSupport].Mean[i]));
        bool isClosed = result.Plan.Settings.Classifier.Refit is RefitMethod.Closed;
        int last = columns.Count - 1;
        columns.Insert(last, ("statist.\nerror", i => Figures.Real(result[Observable.StatisticalError].Mean[i])));
        if (!isClosed)
        {
            columns[last - 1] = columns[last];
            columns[last] = ("funct.\nerror", i => Figures.Real(result[Observable.FunctionalError].Mean[i]));
        }
    }

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
