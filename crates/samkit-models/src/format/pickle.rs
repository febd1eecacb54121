//! A pickle reader for tensors and nothing else.
//!
//! A pickle is a program for a stack machine whose `GLOBAL` and `REDUCE`
//! instructions import and call anything. This machine has no calls: it knows
//! the handful of names that PyTorch writes for tensors and dictionaries, turns
//! them into plain data, and refuses the whole file at the first other name,
//! before looking at its arguments. The instructions are those of Python's
//! `pickletools`, as far as `torch.save` uses them (protocols 2 to 5).
//!
//! Values live in an arena and refer to each other by index, so that shared and
//! memoised values cost nothing and hostile nesting cannot exhaust the stack.

use std::collections::HashMap;

use crate::tensor::Dtype;

/// Index of a value in [`Values`].
pub(super) type Id = usize;

/// What a pickle may hold.
#[derive(Debug, Clone)]
pub(super) enum Value {
    None,
    Bool,
    Int(i64),
    Float,
    Str(String),
    Tuple(Vec<Id>),
    List(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    Global(Global),
    Storage(Storage),
    Tensor(TensorRef),
}

/// The importable names that are understood.
#[derive(Debug, Clone, Copy)]
pub(super) enum Global {
    OrderedDict,
    Size,
    RebuildTensor,
    RebuildParameter,
    StorageType(Dtype),
}

impl Global {
    fn known(module: &str, name: &str) -> Option<Self> {
        Some(match (module, name) {
            ("collections", "OrderedDict") => Self::OrderedDict,
            ("torch", "Size") => Self::Size,
            ("torch._utils", "_rebuild_tensor_v2" | "_rebuild_tensor") => Self::RebuildTensor,
            ("torch._utils", "_rebuild_parameter") => Self::RebuildParameter,
            ("torch", storage) => Self::StorageType(match storage {
                "BoolStorage" => Dtype::Bool,
                "ByteStorage" => Dtype::U8,
                "CharStorage" => Dtype::I8,
                "ShortStorage" => Dtype::I16,
                "IntStorage" => Dtype::I32,
                "LongStorage" => Dtype::I64,
                "HalfStorage" => Dtype::F16,
                "BFloat16Storage" => Dtype::Bf16,
                "FloatStorage" => Dtype::F32,
                "DoubleStorage" => Dtype::F64,
                _ => return None,
            }),
            _ => return None,
        })
    }
}

/// A run of elements kept beside the pickle under its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Storage {
    pub(super) key: String,
    pub(super) dtype: Dtype,
}

/// A strided view of a storage; offset and strides in elements.
#[derive(Debug, Clone)]
pub(super) struct TensorRef {
    pub(super) storage: Storage,
    pub(super) offset: usize,
    pub(super) shape: Vec<usize>,
    pub(super) stride: Vec<usize>,
}

/// Why a pickle was not read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum PickleError {
    /// It names something that is not data, as `module.name`.
    Forbidden(String),
    /// It is cut, inconsistent, or uses an instruction that is not supported.
    Malformed(String),
}

fn malformed<T>(what: impl Into<String>) -> Result<T, PickleError> {
    Err(PickleError::Malformed(what.into()))
}

/// Every value of one pickle.
pub(super) struct Values(Vec<Value>);

impl Values {
    pub(super) fn get(&self, id: Id) -> &Value {
        &self.0[id]
    }

    fn str(&self, id: Id) -> Option<&str> {
        match self.get(id) {
            Value::Str(text) => Some(text),
            _ => None,
        }
    }

    /// The entries of a dictionary whose keys are strings.
    pub(super) fn entries(&self, id: Id) -> Option<impl Iterator<Item = (&str, Id)>> {
        match self.get(id) {
            Value::Dict(pairs) => {
                Some(pairs.iter().filter_map(|&(key, value)| Some((self.str(key)?, value))))
            }
            _ => None,
        }
    }

    fn sizes(&self, id: Id) -> Result<Vec<usize>, PickleError> {
        let (Value::Tuple(items) | Value::List(items)) = self.get(id) else {
            return malformed("a tensor's shape is not a tuple");
        };
        items.iter().map(|&item| self.size(item)).collect()
    }

    fn size(&self, id: Id) -> Result<usize, PickleError> {
        match self.get(id) {
            Value::Int(n) => usize::try_from(*n)
                .or_else(|_| malformed(format!("a tensor has a negative size or offset ({n})"))),
            _ => malformed("a tensor's size or offset is not an integer"),
        }
    }

    /// Arguments: storage, offset, shape, stride, and others of no interest.
    fn rebuild_tensor(&self, args: &[Id]) -> Result<TensorRef, PickleError> {
        let [storage, offset, shape, stride, ..] = *args else {
            return malformed("a tensor has too few arguments");
        };
        let Value::Storage(storage) = self.get(storage) else {
            return malformed("a tensor has no storage");
        };
        let (shape, stride) = (self.sizes(shape)?, self.sizes(stride)?);
        if shape.len() != stride.len() {
            return malformed("a tensor's shape and stride differ in rank");
        }
        Ok(TensorRef { storage: storage.clone(), offset: self.size(offset)?, shape, stride })
    }

    /// `('storage', type, key, device, element count)`.
    fn storage(&self, id: Id) -> Result<Storage, PickleError> {
        if let Value::Tuple(items) = self.get(id)
            && let [tag, kind, key, ..] = items[..]
            && self.str(tag) == Some("storage")
            && let Value::Global(Global::StorageType(dtype)) = *self.get(kind)
            && let Some(key) = self.str(key)
        {
            return Ok(Storage { key: key.to_owned(), dtype });
        }
        malformed("a persistent reference is not to a typed storage")
    }
}

/// Runs a pickle and returns its values with the root.
pub(super) fn read(bytes: &[u8]) -> Result<(Values, Id), PickleError> {
    let mut machine = Machine {
        input: bytes,
        values: Values(Vec::new()),
        stack: Vec::new(),
        marks: Vec::new(),
        memo: HashMap::new(),
    };
    while machine.step()? {}
    let root = machine.pop()?;
    Ok((machine.values, root))
}

struct Machine<'a> {
    input: &'a [u8],
    values: Values,
    stack: Vec<Id>,
    /// Heights of the stack at each open `MARK`.
    marks: Vec<usize>,
    memo: HashMap<u64, Id>,
}

impl<'a> Machine<'a> {
    /// Executes one instruction; false after `STOP`.
    fn step(&mut self) -> Result<bool, PickleError> {
        let [op] = self.array()?;
        match op {
            // PROTO, FRAME: nothing to do.
            0x80 => drop(self.array::<1>()?),
            0x95 => drop(self.array::<8>()?),
            b'.' => return Ok(false),
            // Constants.
            b'N' => self.push(Value::None),
            0x88 | 0x89 => self.push(Value::Bool),
            b'K' => {
                let n = i64::from(self.array::<1>()?[0]);
                self.push(Value::Int(n));
            }
            b'M' => {
                let n = i64::from(u16::from_le_bytes(self.array()?));
                self.push(Value::Int(n));
            }
            b'J' => {
                let n = i64::from(i32::from_le_bytes(self.array()?));
                self.push(Value::Int(n));
            }
            0x8a => self.long()?,
            b'G' => {
                self.array::<8>()?;
                self.push(Value::Float);
            }
            b'X' => {
                let n = self.u32()?;
                self.text(n as usize)?;
            }
            0x8c => {
                let [n] = self.array()?;
                self.text(usize::from(n))?;
            }
            // Containers.
            b'(' => self.marks.push(self.stack.len()),
            b')' => self.push(Value::Tuple(Vec::new())),
            b'}' => self.push(Value::Dict(Vec::new())),
            b']' => self.push(Value::List(Vec::new())),
            b't' => {
                let items = self.since_mark()?;
                self.push(Value::Tuple(items));
            }
            0x85..=0x87 => {
                let items = self.take(usize::from(op - 0x84))?;
                self.push(Value::Tuple(items));
            }
            b'a' => {
                let items = self.take(1)?;
                self.append(&items)?;
            }
            b'e' => {
                let items = self.since_mark()?;
                self.append(&items)?;
            }
            b's' => {
                let items = self.take(2)?;
                self.set_items(&items)?;
            }
            b'u' => {
                let items = self.since_mark()?;
                self.set_items(&items)?;
            }
            // Memo.
            b'q' => {
                let n = u64::from(self.array::<1>()?[0]);
                self.memoise(n)?;
            }
            b'r' => {
                let n = u64::from(self.u32()?);
                self.memoise(n)?;
            }
            0x94 => self.memoise(self.memo.len() as u64)?,
            b'h' => {
                let n = u64::from(self.array::<1>()?[0]);
                self.recall(n)?;
            }
            b'j' => {
                let n = u64::from(self.u32()?);
                self.recall(n)?;
            }
            // Names and what is made of them.
            b'c' => {
                let (module, name) = (self.line()?, self.line()?);
                self.global(&module, &name)?;
            }
            0x93 => {
                let items = self.take(2)?;
                let (Some(module), Some(name)) =
                    (self.values.str(items[0]), self.values.str(items[1]))
                else {
                    return malformed("an imported name is not text");
                };
                let (module, name) = (module.to_owned(), name.to_owned());
                self.global(&module, &name)?;
            }
            b'Q' => {
                let id = self.pop()?;
                let storage = self.values.storage(id)?;
                self.push(Value::Storage(storage));
            }
            b'R' => self.reduce()?,
            // Attributes, such as a state dict's `_metadata`, are not needed.
            b'b' => drop(self.pop()?),
            other => return malformed(format!("instruction {other:#04x} is not supported")),
        }
        Ok(true)
    }

    fn global(&mut self, module: &str, name: &str) -> Result<(), PickleError> {
        let Some(global) = Global::known(module, name) else {
            return Err(PickleError::Forbidden(format!("{module}.{name}")));
        };
        self.push(Value::Global(global));
        Ok(())
    }

    fn reduce(&mut self) -> Result<(), PickleError> {
        let parts = self.take(2)?;
        let (callable, Value::Tuple(args)) = (self.values.get(parts[0]), self.values.get(parts[1]))
        else {
            return malformed("a call has no tuple of arguments");
        };
        let made = match callable {
            Value::Global(Global::OrderedDict) if args.is_empty() => Value::Dict(Vec::new()),
            Value::Global(Global::RebuildTensor) => {
                Value::Tensor(self.values.rebuild_tensor(args)?)
            }
            Value::Global(Global::RebuildParameter | Global::Size) if !args.is_empty() => {
                self.values.get(args[0]).clone()
            }
            _ => return malformed("a call of something that is not callable"),
        };
        self.push(made);
        Ok(())
    }

    fn append(&mut self, items: &[Id]) -> Result<(), PickleError> {
        match self.top()? {
            Value::List(list) => list.extend(items),
            _ => return malformed("items are appended to something that is not a list"),
        }
        Ok(())
    }

    fn set_items(&mut self, items: &[Id]) -> Result<(), PickleError> {
        let (pairs, []) = items.as_chunks() else {
            return malformed("a dictionary has a key without a value");
        };
        match self.top()? {
            Value::Dict(dict) => dict.extend(pairs.iter().map(|&[key, value]| (key, value))),
            _ => return malformed("items are set in something that is not a dictionary"),
        }
        Ok(())
    }

    fn memoise(&mut self, key: u64) -> Result<(), PickleError> {
        let Some(&id) = self.stack.last() else {
            return malformed("the stack is empty");
        };
        self.memo.insert(key, id);
        Ok(())
    }

    fn recall(&mut self, key: u64) -> Result<(), PickleError> {
        match self.memo.get(&key) {
            Some(&id) => self.stack.push(id),
            None => return malformed("a value is used before it is defined"),
        }
        Ok(())
    }

    fn push(&mut self, value: Value) {
        self.stack.push(self.values.0.len());
        self.values.0.push(value);
    }

    fn pop(&mut self) -> Result<Id, PickleError> {
        Ok(self.take(1)?[0])
    }

    fn top(&mut self) -> Result<&mut Value, PickleError> {
        match self.stack.last() {
            Some(&id) => Ok(&mut self.values.0[id]),
            None => malformed("the stack is empty"),
        }
    }

    /// The upper `n` values of the stack, in the order they were pushed.
    fn take(&mut self, n: usize) -> Result<Vec<Id>, PickleError> {
        // Values below an open mark belong to what encloses it.
        let floor = self.marks.last().copied().unwrap_or(0);
        match self.stack.len().checked_sub(n) {
            Some(from) if from >= floor => Ok(self.stack.split_off(from)),
            _ => malformed("the stack is empty"),
        }
    }

    fn since_mark(&mut self) -> Result<Vec<Id>, PickleError> {
        match self.marks.pop() {
            Some(height) => Ok(self.stack.split_off(height)),
            None => malformed("a container ends that did not begin"),
        }
    }

    fn bytes(&mut self, n: usize) -> Result<&'a [u8], PickleError> {
        match self.input.split_at_checked(n) {
            Some((head, tail)) => {
                self.input = tail;
                Ok(head)
            }
            None => malformed("it ends in the middle"),
        }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], PickleError> {
        let bytes = self.bytes(N)?;
        Ok(bytes.try_into().expect("exactly N bytes were taken"))
    }

    fn u32(&mut self) -> Result<u32, PickleError> {
        self.array().map(u32::from_le_bytes)
    }

    fn text(&mut self, n: usize) -> Result<(), PickleError> {
        let Ok(text) = std::str::from_utf8(self.bytes(n)?) else {
            return malformed("text is not UTF-8");
        };
        self.push(Value::Str(text.to_owned()));
        Ok(())
    }

    fn line(&mut self) -> Result<String, PickleError> {
        let Some(n) = self.input.iter().position(|&b| b == b'\n') else {
            return malformed("it ends in the middle");
        };
        let line = String::from_utf8_lossy(&self.input[..n]).into_owned();
        self.input = &self.input[n + 1..];
        Ok(line)
    }

    /// Little-endian two's complement of any length up to eight bytes.
    fn long(&mut self) -> Result<(), PickleError> {
        let [n] = self.array()?;
        let bytes = self.bytes(usize::from(n))?;
        if bytes.len() > 8 {
            return malformed("an integer does not fit 64 bits");
        }
        let negative = bytes.last().is_some_and(|b| b & 0x80 != 0);
        let mut full = if negative { [0xff; 8] } else { [0; 8] };
        full[..bytes.len()].copy_from_slice(bytes);
        self.push(Value::Int(i64::from_le_bytes(full)));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(bytes: &[u8]) -> PickleError {
        read(bytes).err().expect("must be refused")
    }

    #[test]
    fn a_command_is_refused_by_name() {
        for (pickle, callable) in [
            (&b"\x80\x02cposix\nsystem\nX\x04\0\0\0true\x85R."[..], "posix.system"),
            (b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x04true\x85R.", "os.system"),
            (b"\x80\x02c__builtin__\neval\n(tR.", "__builtin__.eval"),
            (b"\x80\x02ctorch\nload\n(tR.", "torch.load"),
        ] {
            assert_eq!(error(pickle), PickleError::Forbidden(callable.to_owned()));
        }
    }

    #[test]
    fn a_cut_pickle_is_malformed_at_every_length() {
        let whole = b"\x80\x02ccollections\nOrderedDict\n)R(X\x01\0\0\0aK\x07u.";
        let (values, root) = read(whole).expect("well-formed");
        assert_eq!(values.entries(root).expect("a dictionary").count(), 1);
        for n in 0..whole.len() {
            assert!(matches!(error(&whole[..n]), PickleError::Malformed(_)), "{n} bytes");
        }
    }

    #[test]
    fn integers_of_every_width() {
        for (pickle, expected) in [
            (&b"K\xff."[..], 255),
            (b"M\xff\xff.", 65535),
            (b"J\xff\xff\xff\xff.", -1),
            (b"\x8a\x00.", 0),
            (b"\x8a\x01\x80.", -128),
            (b"\x8a\x05\0\0\0\0\x01.", 1 << 32),
        ] {
            let (values, root) = read(pickle).expect("well-formed");
            assert!(matches!(values.get(root), Value::Int(n) if *n == expected));
        }
    }

    #[test]
    fn misuse_of_the_stack_is_malformed() {
        for pickle in [
            &b"."[..],             // nothing to return
            b"u.",                 // no mark
            b"(u.",                // no dictionary below
            b"}(Nu.",              // a key without a value
            b"h\x05.",             // memo that was never set
            b"NNR.",               // a call of nothing
            b"}(s.",               // takes what lies below the mark
            b"NQ.",                // no storage
            b"\x8a\x09123456789.", // too wide
            b"Nc\xff",             // unterminated name
        ] {
            assert!(matches!(error(pickle), PickleError::Malformed(_)), "{pickle:?}");
        }
    }

    #[test]
    fn a_tensor_with_senseless_arguments_is_malformed() {
        let rebuild = b"ctorch._utils\n_rebuild_tensor_v2\n".to_vec();
        let storage: &[u8] =
            b"(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK\x04tQ";
        for rest in [
            &b"K\0K\x02\x85tR."[..],                   // no stride
            b"K\0K\x02\x85K\x01K\x01\x86tR.",          // ranks differ
            b"J\xff\xff\xff\xffK\x02\x85K\x01\x85tR.", // negative offset
        ] {
            let pickle = [&rebuild[..], b"(", storage, rest].concat();
            assert!(matches!(error(&pickle), PickleError::Malformed(_)));
        }
    }
}
