using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Collapse.LibtorchPeer;
using TorchSharp;

// The same questions and answers as peers/protocol.py.
var json = new JsonSerializerOptions(JsonSerializerDefaults.Web);
try
{
    torch.InitializeDeviceType(DeviceType.CPU);
}
catch (Exception e) when (e is NotSupportedException or DllNotFoundException or TypeInitializationException)
{
    Say(new { absent = e.Message });
    return;
}

if (args is ["--sampling", ..])
{
    SamplingComparison.Run(args.Length > 1 ? int.Parse(args[1], CultureInfo.InvariantCulture) : 10);
    return;
}

// What the library does by itself, or one thread where others keep the cores busy: whichever is faster here.
int most = torch.get_num_threads();
torch.set_num_threads(Time(most) <= Time(1) ? most : 1);
Say(
    new
    {
        peer = "libtorch",
        version = torch.__version__,
        device = $"cpu, {torch.get_num_threads()} threads",
        methods = new[] { LibtorchRun.Gather, LibtorchRun.Multinomial },
    }
);
while (Console.ReadLine() is { } line)
{
    RunRequest request = JsonSerializer.Deserialize<RunRequest>(line, json)!;
    if (
        request.Followers is not null
        || request.Scenario == "random-models" && request.Method == LibtorchRun.Multinomial
    )
    {
        Say(new { unsupported = "no such form" });
        continue;
    }

    var run = new LibtorchRun(request);
    var watch = Stopwatch.StartNew();
    run.Train();
    Say(run.Answer(watch.Elapsed.TotalSeconds));
}

static double Time(int threads)
{
    torch.set_num_threads(threads);
    using torch.Tensor sets = torch.zeros(128, 1000, dtype: torch.ScalarType.Int64);
    var watch = Stopwatch.StartNew();
    for (int i = 0; i < 20; i++)
    {
        using torch.Tensor index = torch.randint(0, 1000, [128, 1000], dtype: torch.ScalarType.Int64);
        using torch.Tensor drawn = sets.gather(1, index);
        if (i == 4)
        {
            watch.Restart();
        }
    }

    return watch.Elapsed.TotalSeconds;
}

void Say(object message) => Console.WriteLine(JsonSerializer.Serialize(message, json));
