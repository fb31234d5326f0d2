//! Numbers as JSON has them and as protobuf wants them.

use serde_json::{Number, Value};

/// Why a value is no such number.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum NotANumber {
    /// It is of another type or form.
    Form,
    /// It has a fraction.
    Fraction,
    /// It is too large or too small.
    Range,
}

/// A whole number: a JSON number without a fraction, in any notation, or the same in a string.
pub(super) fn integer(value: &Value) -> Result<i128, NotANumber> {
    match value {
        Value::Number(number) => of_number(number),
        Value::String(text) => of_text(text),
        _ => Err(NotANumber::Form),
    }
}

fn of_number(number: &Number) -> Result<i128, NotANumber> {
    if let Some(number) = number.as_i64() {
        return Ok(number.into());
    }
    if let Some(number) = number.as_u64() {
        return Ok(number.into());
    }
    let number = number.as_f64().ok_or(NotANumber::Range)?;
    if number.fract() != 0.0 {
        Err(NotANumber::Fraction)
    } else if number.abs() > 1e20 {
        Err(NotANumber::Range)
    } else {
        // Whole and far within the range of an i128.
        Ok(number as i128)
    }
}

/// The whole number that `text` is in the notation of JSON.
fn of_text(text: &str) -> Result<i128, NotANumber> {
    let Parts { negative, whole, fraction, exponent } = Parts::of(text).ok_or(NotANumber::Form)?;
    let digits = whole.bytes().chain(fraction.bytes()).map(|digit| i128::from(digit - b'0'));
    // How many of the digits stand before the point, once the exponent has moved it.
    let before = i64::try_from(whole.len()).unwrap_or(i64::MAX).saturating_add(exponent);
    let (mut number, mut count) = (0_i128, 0_i64);
    for digit in digits {
        if count >= before {
            if digit != 0 {
                return Err(NotANumber::Fraction);
            }
        } else {
            number = number * 10 + digit;
            if number > i128::from(u64::MAX) {
                return Err(NotANumber::Range);
            }
        }
        count += 1;
    }
    while number != 0 && count < before {
        number *= 10;
        count += 1;
        if number > i128::from(u64::MAX) {
            return Err(NotANumber::Range);
        }
    }
    Ok(if negative { -number } else { number })
}

/// A number of any size: a JSON number, the same in a string, or the name of one that is not
/// finite.
pub(super) fn float(value: &Value) -> Result<f64, NotANumber> {
    let text = match value {
        Value::Number(number) => {
            let number = number.as_f64().filter(|number| number.is_finite());
            return number.ok_or(NotANumber::Range);
        }
        Value::String(text) => text.as_str(),
        _ => return Err(NotANumber::Form),
    };
    match text {
        "NaN" => Ok(f64::NAN),
        "Infinity" => Ok(f64::INFINITY),
        "-Infinity" => Ok(f64::NEG_INFINITY),
        _ => {
            Parts::of(text).ok_or(NotANumber::Form)?;
            let number: f64 = text.parse().map_err(|_| NotANumber::Form)?;
            if number.is_finite() { Ok(number) } else { Err(NotANumber::Range) }
        }
    }
}

/// The nearest number of 32 bits.
pub(super) fn narrow(number: f64) -> Result<f32, NotANumber> {
    let narrow = number as f32;
    if number.is_finite() && narrow.is_infinite() { Err(NotANumber::Range) } else { Ok(narrow) }
}

/// What a number of JSON is made of.
struct Parts<'a> {
    negative: bool,
    whole: &'a str,
    fraction: &'a str,
    exponent: i64,
}

impl<'a> Parts<'a> {
    fn of(text: &'a str) -> Option<Self> {
        let (negative, rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, rest) = digits(rest);
        if whole.is_empty() || (whole.len() > 1 && whole.starts_with('0')) {
            return None;
        }
        let (fraction, rest) = match rest.strip_prefix('.') {
            Some(rest) => {
                let (fraction, rest) = digits(rest);
                (Some(fraction).filter(|digits| !digits.is_empty())?, rest)
            }
            None => ("", rest),
        };
        let exponent = match rest.strip_prefix(['e', 'E']) {
            Some(rest) => {
                let (below, rest) = match rest.strip_prefix(['+', '-']) {
                    Some(after) => (rest.starts_with('-'), after),
                    None => (false, rest),
                };
                let (exponent, rest) = digits(rest);
                if exponent.is_empty() || !rest.is_empty() {
                    return None;
                }
                // An exponent that fits into nothing leads out of every range.
                let exponent = exponent.parse().unwrap_or(i64::from(i32::MAX));
                if below { -exponent } else { exponent }
            }
            None if rest.is_empty() => 0,
            None => return None,
        };
        Some(Self { negative, whole, fraction, exponent })
    }
}

fn digits(text: &str) -> (&str, &str) {
    text.split_at(text.bytes().take_while(u8::is_ascii_digit).count())
}
