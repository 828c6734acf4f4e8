using Collapse.Corpora;
using Collapse.Running;

namespace Collapse.Results.Files;

/// <summary>
/// contexts.parquet: one row per context that was trained, with what is known of it at its end. Grows while
/// the run goes on.
/// </summary>
internal sealed class ContextsFile
{
    // Enough that row groups compress and scan well, few enough that waiting rows stay small beside a run.
    private const int RowsPerGroup = 1 << 17;

    private readonly NumberColumn<long> _context = new("context");
    private readonly NumberColumn<int> _samples = new("samples");
    private readonly NumberColumn<int> _real = new("real");
    private readonly NumberColumn<int> _lastGeneration = new("lastGeneration");
    private readonly NullableColumn<int> _collapseTime = new("collapseTime");
    private readonly NullableColumn<int> _survivor = new("survivor");
    private readonly NumberColumn<int> _token = new("token");
    private readonly NullableColumn<double>[] _values;
    private readonly TextColumn _contextText = new("contextText");
    private readonly TextColumn _tokenText = new("tokenText");
    private readonly Corpus? _corpus;
    private readonly ParquetTable _table;
    private int _waiting;

    public ContextsFile(string folder, RunPlan plan)
    {
        _corpus = plan.Settings.Corpus;
        _values = [.. Observables.NamesOf(plan.ObservableCount).Select(name => new NullableColumn<double>(name))];
        ParquetColumn[] texts = _corpus is null ? [] : [_contextText, _tokenText];
        _table = new ParquetTable(
            folder,
            "contexts.parquet",
            [_context, _samples, _real, _lastGeneration, _collapseTime, _survivor, _token, .. _values, .. texts]
        );
    }

    /// <summary>Adds the contexts of a chunk, without those that an interruption left untrained.</summary>
    public void Add(ContextTable table)
    {
        for (int i = 0; i < table.Count; i++)
        {
            if (table.LastGeneration[i] > 0)
            {
                AddRow(table, i);
            }
        }
    }

    /// <summary>Writes what waits and gives the file its name.</summary>
    public void Complete(string description)
    {
        Flush();
        _table.Complete(description);
    }

    private void AddRow(ContextTable table, int row)
    {
        long context = table.FirstContext + row;
        _context.Add(context);
        _samples.Add(table.Samples[row]);
        _real.Add(table.Real[row]);
        _lastGeneration.Add(table.LastGeneration[row]);
        _collapseTime.Add(table.CollapseTime[row] > 0 ? table.CollapseTime[row] : null);
        _survivor.Add(table.IsCollapsed(row) ? table.Token[row] : null);
        _token.Add(table.Token[row]);
        for (int o = 0; o < _values.Length; o++)
        {
            _values[o].Add(table.Values[o][row]);
        }

        if (_corpus is not null)
        {
            _contextText.Add(_corpus.ContextText((int)context));
            _tokenText.Add(_corpus.TokenText(table.Token[row]));
        }

        if (++_waiting == RowsPerGroup)
        {
            Flush();
        }
    }

    private void Flush()
    {
        if (_waiting > 0)
        {
            _waiting = 0;
            _table.Flush();
        }
    }
}
