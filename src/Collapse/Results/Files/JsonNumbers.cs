using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Collapse.Results.Files;

/// <summary>JSON as all results write it: undefined and infinite numbers are null, and an array takes one line.</summary>
internal static class JsonNumbers
{
    /// <summary>Writes one object.</summary>
    public static string Object(bool indented, Action<Utf8JsonWriter> members)
    {
        using var stream = new MemoryStream();
        var options = new JsonWriterOptions
        {
            Indented = indented,
            Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        };
        using (var json = new Utf8JsonWriter(stream, options))
        {
            json.WriteStartObject();
            members(json);
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(stream.GetBuffer().AsSpan(0, (int)stream.Length));
    }

    /// <summary>Writes a member that is an object, or null.</summary>
    public static void WriteObject(this Utf8JsonWriter json, string name, Action? members)
    {
        if (members is null)
        {
            json.WriteNull(name);
            return;
        }

        json.WriteStartObject(name);
        members();
        json.WriteEndObject();
    }

    /// <summary>Writes a whole number, or null.</summary>
    public static void WriteWhole(this Utf8JsonWriter json, string name, long? value)
    {
        if (value is long number)
        {
            json.WriteNumber(name, number);
        }
        else
        {
            json.WriteNull(name);
        }
    }

    /// <summary>Writes a number, or null where it is missing, NaN or infinite.</summary>
    public static void WriteReal(this Utf8JsonWriter json, string name, double? value)
    {
        if (value is double number && double.IsFinite(number))
        {
            json.WriteNumber(name, number);
        }
        else
        {
            json.WriteNull(name);
        }
    }

    /// <summary>Writes an array of whole numbers.</summary>
    public static void WriteWholes(this Utf8JsonWriter json, string name, IEnumerable<int> values) =>
        json.WriteArray(name, values.Select(v => v.ToString(CultureInfo.InvariantCulture)));

    /// <summary>Writes an array of numbers.</summary>
    public static void WriteReals(this Utf8JsonWriter json, string name, IEnumerable<double> values) =>
        json.WriteArray(
            name,
            values.Select(v => double.IsFinite(v) ? v.ToString("R", CultureInfo.InvariantCulture) : "null")
        );

    private static void WriteArray(this Utf8JsonWriter json, string name, IEnumerable<string> values)
    {
        json.WritePropertyName(name);
        json.WriteRawValue($"[{string.Join(',', values)}]");
    }
}
