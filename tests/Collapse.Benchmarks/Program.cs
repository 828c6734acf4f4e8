using System.Text;
using Collapse.Benchmarks;

if (Console.IsOutputRedirected || OperatingSystem.IsWindows())
{
    Console.OutputEncoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);
}

return BenchmarkCommand.Invoke(args, Console.Out, Console.Error);
