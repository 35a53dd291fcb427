//! What a scalar means: the YAML 1.1 rules that kubectl applies, not those of YAML 1.2.
//!
//! kubectl turns YAML into JSON first. The order below is the one it uses: the fixed words, then integers,
//! then floats, and everything else, dates and sexagesimals included, is a string.

use super::Value;

/// The value of a plain scalar without a tag.
pub fn resolve(text: &str) -> Value {
    let Some(&first) = text.as_bytes().first() else {
        return Value::Null;
    };
    let known = match first {
        b'0'..=b'9' | b'+' | b'-' | b'.' => number(text).or_else(|| special_float(text)),
        b'y' | b'Y' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'o' | b'O' | b'~' => word(text),
        _ => None,
    };
    known.unwrap_or_else(|| Value::Str(text.into()))
}

/// The value of a scalar with one of the tags of the core schema; `None` where the text does not fit it.
/// Quoting does not matter once there is a tag. Unknown tags, and `!!binary`, keep the text.
pub(super) fn tagged(suffix: &str, text: &str) -> Option<Value> {
    let value = resolve(text);
    match (suffix, value) {
        ("int" | "float", value @ Value::Int(_))
        | ("float", value @ Value::Float(_))
        | ("bool", value @ Value::Bool(_))
        | ("null", value @ Value::Null) => Some(value),
        ("int" | "float" | "bool" | "null", _) => None,
        _ => Some(Value::Str(text.into())),
    }
}

/// The text of a scalar used as a mapping key: `1:` is `1`, `0x10:` is `16`, `on:` is `true`. `None` where
/// kubectl refuses the key (null and collections).
pub(super) fn key_text(value: Value) -> Option<Box<str>> {
    Some(match value {
        Value::Str(text) => text,
        Value::Bool(value) => if value { "true" } else { "false" }.into(),
        Value::Int(value) => value.to_string().into(),
        Value::Float(value) => float_key(value as f32).into(),
        Value::Null | Value::Seq(_) | Value::Map(_) => return None,
    })
}

impl From<u64> for Value {
    /// An integer, or beyond 64 signed bits the nearest float: the tree has no type of its own for those.
    #[expect(clippy::cast_precision_loss, reason = "no field of Kubernetes takes such a number")]
    fn from(value: u64) -> Self {
        i64::try_from(value).map_or(Self::Float(value as f64), Self::Int)
    }
}

fn word(text: &str) -> Option<Value> {
    Some(match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" | "true" | "True" | "TRUE" => {
            Value::Bool(true)
        }
        "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" | "false" | "False" | "FALSE" => {
            Value::Bool(false)
        }
        "~" | "null" | "Null" | "NULL" => Value::Null,
        _ => return None,
    })
}

fn special_float(text: &str) -> Option<Value> {
    Some(Value::Float(match text {
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => f64::INFINITY,
        "-.inf" | "-.Inf" | "-.INF" => f64::NEG_INFINITY,
        ".nan" | ".NaN" | ".NAN" => f64::NAN,
        _ => return None,
    }))
}

fn number(text: &str) -> Option<Value> {
    // The overwhelmingly common case; leading zeros mean octal and take the long way.
    if text.len() < 19 && !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok().map(Value::Int);
    }
    let plain;
    let text = if text.contains('_') && !text.starts_with('.') {
        plain = text.replace('_', "");
        plain.as_str()
    } else {
        text
    };
    integer(text).or_else(|| float(text))
}

fn integer(text: &str) -> Option<Value> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, text.get(1..)?),
        b'+' => (false, text.get(1..)?),
        _ => (false, text),
    };
    let (radix, digits) = match digits.get(..2) {
        Some("0x" | "0X") => (16, digits.get(2..)?),
        Some("0o" | "0O") => (8, digits.get(2..)?),
        Some("0b" | "0B") => (2, digits.get(2..)?),
        Some(_) if digits.starts_with('0') => (8, digits.get(1..)?),
        _ => (10, digits),
    };
    // `from_str_radix` takes a sign of its own, which may not stand after a prefix.
    if !digits.starts_with(|c: char| c.is_ascii_hexdigit()) {
        return None;
    }
    let magnitude = i128::from_str_radix(digits, radix).ok()?;
    let value = if negative { -magnitude } else { magnitude };
    if let Ok(value) = i64::try_from(value) {
        return Some(Value::Int(value));
    }
    u64::try_from(value).ok().map(Value::from)
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`, unless it overflows, in which case it is a string.
fn float(text: &str) -> Option<Value> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => (unsigned.get(..at)?, Some(unsigned.get(at + 1..)?)),
        None => (unsigned, None),
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let mantissa_ok = match mantissa.split_once('.') {
        Some(("", fraction)) => digits(fraction),
        Some((whole, fraction)) => digits(whole) && (fraction.is_empty() || digits(fraction)),
        None => digits(mantissa),
    };
    let exponent_ok = exponent.is_none_or(|text| digits(text.strip_prefix(['-', '+']).unwrap_or(text)));
    if !mantissa_ok || !exponent_ok {
        return None;
    }
    text.parse::<f64>().ok().filter(|value| value.is_finite()).map(Value::Float)
}

/// A float key in the shortest notation of 32 bits, with an exponent of at least two digits below `1e-4` and
/// from `1e+06` on: what kubectl makes of it.
fn float_key(value: f32) -> String {
    if !value.is_finite() {
        return if value.is_nan() {
            ".nan"
        } else if value > 0.0 {
            ".inf"
        } else {
            "-.inf"
        }
        .to_owned();
    }
    let scientific = format!("{value:e}");
    let Some((mantissa, exponent)) = scientific.split_once('e') else {
        return scientific;
    };
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..6).contains(&exponent) {
        return format!("{value}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn str(text: &str) -> Value {
        Value::Str(text.into())
    }

    #[test]
    fn scalars_mean_what_kubectl_says() {
        for text in ["on", "yes", "y", "True", "ON", "Y"] {
            assert_eq!(resolve(text), Value::Bool(true), "{text}");
        }
        for text in ["off", "No", "n", "FALSE"] {
            assert_eq!(resolve(text), Value::Bool(false), "{text}");
        }
        for text in ["", "~", "null", "Null", "NULL"] {
            assert_eq!(resolve(text), Value::Null, "{text}");
        }
        let integers = [
            ("80", 80),
            ("0644", 420),
            ("0x50", 80),
            ("0o17", 15),
            ("0b101", 5),
            ("-0b11", -3),
            ("+5", 5),
            ("1_000", 1000),
            ("0x_1F", 31),
            ("-0x1F", -31),
            ("-010", -8),
            ("0", 0),
            ("-0", 0),
            ("00", 0),
            ("9223372036854775807", i64::MAX),
            ("-9223372036854775808", i64::MIN),
            ("1__0", 10),
        ];
        for (text, int) in integers {
            assert_eq!(resolve(text), Value::Int(int), "{text}");
        }
        let floats = [
            ("80.0", 80.0),
            ("8e1", 80.0),
            ("1.", 1.0),
            (".5", 0.5),
            ("08", 8.0),
            ("1e1_0", 1e10),
            ("12e5", 12e5),
            ("18446744073709551615", 18_446_744_073_709_551_615.0),
            ("99999999999999999999", 1e20),
            ("-1.5", -1.5),
        ];
        for (text, float) in floats {
            assert_eq!(resolve(text), Value::Float(float), "{text}");
        }
        for text in [
            "1:20",
            "2001-01-01",
            "123e4567",
            "1e400",
            "0x",
            "-",
            "+",
            "--1",
            "+-1",
            "0x-1",
            "nULL",
            "oN",
            "=",
            "1.2.3",
            "10.0.0.0/8",
            "1e",
            ".",
            "..",
            "._5",
            "-.",
            "e5",
            "0b2",
            "infinity",
            "NaN",
            "1 2",
            "٣",
        ] {
            assert_eq!(resolve(text), str(text), "{text}");
        }
        assert_eq!(resolve("-.INF"), Value::Float(f64::NEG_INFINITY));
    }

    #[test]
    fn keys_are_texts() {
        for (text, key) in [
            ("1", "1"),
            ("0x10", "16"),
            ("on", "true"),
            ("off", "false"),
            ("1.5", "1.5"),
            ("1e6", "1e+06"),
            ("1e5", "100000"),
            ("1e-7", "1e-07"),
            ("1234567.5", "1.2345675e+06"),
            ("name", "name"),
            ("0.0001", "0.0001"),
            ("123456.5", "123456.5"),
            ("1e20", "1e+20"),
            ("0.00001", "1e-05"),
        ] {
            assert_eq!(key_text(resolve(text)).as_deref(), Some(key), "{text}");
        }
        assert_eq!(key_text(Value::Null), None);
    }

    #[test]
    fn tags_decide() {
        assert_eq!(tagged("str", "80"), Some(str("80")));
        assert_eq!(tagged("int", "80"), Some(Value::Int(80)));
        assert_eq!(tagged("float", "3"), Some(Value::Int(3)));
        assert_eq!(tagged("int", "x"), None);
        assert_eq!(tagged("bool", "yes"), Some(Value::Bool(true)));
    }
}
