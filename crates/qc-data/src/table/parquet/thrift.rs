//! Thrift's compact protocol, as far as Parquet's footers and page headers use it.
//!
//! Source: Apache Thrift, `doc/specs/thrift-compact-protocol.md`.

/// Deepest nesting that is followed; Parquet needs six.
const MAX_DEPTH: usize = 12;

/// A value of any type.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value<'a> {
    Bool(bool),
    Int(i64),
    /// Doubles are not used by what is read here.
    Double,
    Bytes(&'a [u8]),
    List(Vec<Value<'a>>),
    Struct(Vec<(i16, Value<'a>)>),
}

impl<'a> Value<'a> {
    /// A field of a structure by its number.
    pub(super) fn field(&self, id: i16) -> Option<&Value<'a>> {
        let Value::Struct(fields) = self else { return None };
        fields.iter().find(|(known, _)| *known == id).map(|(_, value)| value)
    }

    /// A whole number in a field.
    pub(super) fn int(&self, id: i16) -> Option<i64> {
        match self.field(id)? {
            Value::Int(value) => Some(*value),
            _ => None,
        }
    }

    /// A flag in a field.
    pub(super) fn flag(&self, id: i16) -> Option<bool> {
        match self.field(id)? {
            Value::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// A list in a field.
    pub(super) fn list(&self, id: i16) -> Option<&[Value<'a>]> {
        match self.field(id)? {
            Value::List(values) => Some(values),
            _ => None,
        }
    }

    /// A text in a field.
    pub(super) fn text(&self, id: i16) -> Option<&'a str> {
        match self.field(id)? {
            Value::Bytes(bytes) => std::str::from_utf8(bytes).ok(),
            _ => None,
        }
    }
}

/// Most values of one structure with all that is in it: two hundred for each column of the largest table there may be.
const MAX_VALUES: usize = 1 << 22;

/// Reads a structure and says how many bytes it took; `None` where the bytes are none.
pub(super) fn read(bytes: &[u8]) -> Option<(Value<'_>, usize)> {
    let mut rest = bytes;
    let mut left = MAX_VALUES;
    let value = structure(&mut rest, &mut left, 0)?;
    Some((value, bytes.len() - rest.len()))
}

fn byte(rest: &mut &[u8]) -> Option<u8> {
    let (first, behind) = rest.split_first()?;
    *rest = behind;
    Some(*first)
}

/// Seven bits a byte, the lowest first.
pub(super) fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let next = byte(rest)?;
        value |= u64::from(next & 0x7f) << shift;
        if next & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn zigzag(rest: &mut &[u8]) -> Option<i64> {
    let value = varint(rest)?;
    Some((value >> 1) as i64 ^ -((value & 1) as i64))
}

fn structure<'a>(rest: &mut &'a [u8], left: &mut usize, depth: usize) -> Option<Value<'a>> {
    if MAX_DEPTH < depth {
        return None;
    }
    let mut fields = Vec::new();
    let mut id = 0_i16;
    loop {
        let head = byte(rest)?;
        if head == 0 {
            return Some(Value::Struct(fields));
        }
        *left = left.checked_sub(1)?;
        id = match head >> 4 {
            0 => i16::try_from(zigzag(rest)?).ok()?,
            ahead => id.checked_add(i16::from(ahead))?,
        };
        let value = match head & 0x0f {
            1 => Value::Bool(true),
            2 => Value::Bool(false),
            kind => value(rest, left, kind, depth)?,
        };
        fields.push((id, value));
    }
}

fn value<'a>(rest: &mut &'a [u8], left: &mut usize, kind: u8, depth: usize) -> Option<Value<'a>> {
    Some(match kind {
        // In lists a flag is a byte of its own.
        1 | 2 => Value::Bool(byte(rest)? == 1),
        3 => Value::Int(i64::from(byte(rest)? as i8)),
        4..=6 => Value::Int(zigzag(rest)?),
        7 => {
            *rest = rest.get(8..)?;
            Value::Double
        }
        8 => {
            let length = usize::try_from(varint(rest)?).ok()?;
            let (text, behind) = rest.split_at_checked(length)?;
            *rest = behind;
            Value::Bytes(text)
        }
        9 | 10 => {
            let head = byte(rest)?;
            let length = match head >> 4 {
                15 => usize::try_from(varint(rest)?).ok()?,
                short => usize::from(short),
            };
            // Every element takes a byte at least, so a length beyond the rest is damage.
            if rest.len() < length || MAX_DEPTH < depth {
                return None;
            }
            *left = left.checked_sub(length)?;
            let mut values = Vec::with_capacity(length.min(1_024));
            for _ in 0..length {
                values.push(value(rest, left, head & 0x0f, depth + 1)?);
            }
            Value::List(values)
        }
        12 => structure(rest, left, depth + 1)?,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_every_kind_are_read() {
        // 1: 150 as zigzag varint; 2: true; 3: "ab"; 5: [1, -1]; 20 (said in full): an empty structure.
        let bytes = [0x15, 0xac, 0x02, 0x11, 0x18, 2, b'a', b'b', 0x29, 0x25, 2, 1, 0x0c, 0x28, 0, 0, 0xff];
        let (value, length) = read(&bytes).unwrap();
        assert_eq!(length, bytes.len() - 1);
        assert_eq!((value.int(1), value.flag(2), value.text(3)), (Some(150), Some(true), Some("ab")));
        assert_eq!(value.list(5).unwrap(), [Value::Int(1), Value::Int(-1)]);
        assert_eq!(value.field(20), Some(&Value::Struct(Vec::new())));
        for cut in 0..bytes.len() - 1 {
            assert_eq!(read(&bytes[..cut]), None, "cut at {cut}");
        }
        assert_eq!(read(&[0x1c; 100]), None, "too deep");
        assert_eq!(read(&[0x19, 0xf5, 0xff, 0xff, 0xff, 0xff, 0x0f]), None, "a list longer than the file");
    }

    #[test]
    fn values_are_counted() {
        // Fields of a byte each: flags.
        let flags = |n: usize| [vec![0x11; n], vec![0]].concat();
        assert!(read(&flags(1_000)).is_some());
        assert_eq!(read(&flags(MAX_VALUES + 1)), None, "a value takes forty times the room of its byte");
        // A list of six million flags.
        let list = [vec![0x19, 0xf1], vec![0xff, 0xff, 0xff, 0x02], vec![1; 6_291_455], vec![0]].concat();
        assert_eq!(read(&list), None);
    }
}
