using System.Runtime.InteropServices;
using System.Text;
using Collapse.Cli;

const int Interrupted = 130;

if (Console.IsOutputRedirected || OperatingSystem.IsWindows())
{
    Console.OutputEncoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);
}

using var interrupt = new CancellationTokenSource();
using var interruptSignal = PosixSignalRegistration.Create(PosixSignal.SIGINT, Interrupt);
using var terminateSignal = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Interrupt);
return CommandLine.Invoke(args, Console.Out, Console.Error, interrupt.Token);

// The first signal asks for an end, the second one is the end.
void Interrupt(PosixSignalContext signal)
{
    signal.Cancel = true;
    if (interrupt.IsCancellationRequested)
    {
        if (!Console.IsErrorRedirected)
        {
            // A progress bar may have hidden the cursor.
            Console.Error.WriteLine("\u001b[?25h");
        }

        Environment.Exit(Interrupted);
    }

    interrupt.Cancel();
}
