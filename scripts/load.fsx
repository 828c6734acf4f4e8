// The one place with references. Every script starts with `#load "load.fsx"`, after `dotnet fsi build.fsx build`.
#I "../src/Collapse.Cli/bin/Release/net10.0"
#r "Collapse.dll"
#r "Collapse.Kernels.dll"
#r "MathNet.Numerics.dll"
#r "ILGPU.dll"
