using Spectre.Console;

namespace Collapse.Cli;

/// <summary>A table of exact values and bounds; a bound that says nothing stands dimmed in parentheses.</summary>
internal sealed class BoundTable
{
    private readonly List<(string Header, Func<int, Cell> Value)> _columns = [];

    /// <summary>What stands in a cell.</summary>
    public readonly record struct Cell(string Text, bool IsVacuous = false);

    public static Cell Exact(double? value) => new(value is double number ? Figures.Brief(number) : "-");

    public static Cell Bounded(Theory.Bound? bound) =>
        bound is not Theory.Bound known ? new Cell("-")
        : known.Vacuous ? new Cell($"({Figures.Brief(known.Value)})", IsVacuous: true)
        : new Cell(Figures.Brief(known.Value));

    public void Add(string header, Func<int, Cell> value) => _columns.Add((header, value));

    /// <summary>Writes the rows; tells whether a vacuous bound is among them.</summary>
    public bool Write(IAnsiConsole console, IEnumerable<int> rows)
    {
        var table = new Table { Border = TableBorder.Simple, UseSafeBorder = false };
        foreach ((string header, _) in _columns)
        {
            table.AddColumn(
                new TableColumn(new Text(header, new Style(decoration: Decoration.Bold)))
                    .RightAligned()
                    .NoWrap()
                    .Padding(0, 0)
            );
        }

        bool vacuous = false;
        foreach (int row in rows)
        {
            var cells = new List<Text>();
            foreach ((_, Func<int, Cell> value) in _columns)
            {
                Cell cell = value(row);
                vacuous |= cell.IsVacuous;
                cells.Add(new Text(cell.Text, cell.IsVacuous ? new Style(decoration: Decoration.Dim) : Style.Plain));
            }

            table.AddRow(cells);
        }

        console.Write(table);
        return vacuous;
    }
}
