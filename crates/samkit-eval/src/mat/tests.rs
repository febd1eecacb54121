use std::io::Write;

use flate2::{Compression, write::ZlibEncoder};
use proptest::prelude::*;

use super::*;

/// An element in the long form.
fn element(kind: u32, data: &[u8]) -> Vec<u8> {
    let mut out = [kind.to_le_bytes(), (data.len() as u32).to_le_bytes()].concat();
    out.extend(data);
    out.resize(out.len().next_multiple_of(8), 0);
    out
}

fn named(class: u32, dimensions: [i32; 2], name: &str, content: &[u8]) -> Vec<u8> {
    let flags = element(6, &[class.to_le_bytes(), [0; 4]].concat());
    let dimensions = element(5, &dimensions.map(i32::to_le_bytes).concat());
    let name = element(1, name.as_bytes());
    element(14, &[flags, dimensions, name, content.to_vec()].concat())
}

fn file(elements: &[Vec<u8>]) -> Vec<u8> {
    let mut header = vec![b' '; 124];
    header.extend([0x00, 0x01, b'I', b'M']);
    [header, elements.concat()].concat()
}

/// `groundTruth = {struct('Boundaries', uint8([1 0; 0 1]))}`, compressed as MATLAB does.
fn annotation() -> Vec<u8> {
    // The small form: type and length in four bytes, then up to four bytes of data.
    let small = |kind: u16, data: &[u8]| {
        let mut out = [kind.to_le_bytes(), (data.len() as u16).to_le_bytes()].concat();
        out.extend(data);
        out.resize(8, 0);
        out
    };
    let map = named(9, [2, 2], "", &small(2, &[1, 0, 0, 1]));
    let fields =
        [small(5, &16i32.to_le_bytes()), element(1, b"Boundaries\0\0\0\0\0\0"), map].concat();
    let cell = named(2, [1, 1], "", &fields);
    let truth = named(1, [1, 1], "groundTruth", &cell);
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(&truth).expect("to memory");
    let data = encoder.finish().expect("to memory");
    let tag = [15u32.to_le_bytes(), (data.len() as u32).to_le_bytes()].concat();
    file(&[[tag, data].concat()])
}

#[test]
fn cells_structs_and_small_compressed_numbers_are_read() {
    let variables = parse(&annotation()).expect("a good file");
    let map = Matrix { rows: 2, columns: 2, values: vec![1.0, 0.0, 0.0, 1.0] };
    let record = vec![("Boundaries".to_owned(), Value::Numbers(map))];
    let expected = Value::Cells(vec![Value::Structs(vec![record])]);
    assert_eq!(variables, [("groundTruth".to_owned(), expected)]);
}

#[test]
fn numbers_of_every_type_and_text_are_read() {
    let read = |class, content: &[u8]| {
        let file = file(&[named(class, [1, 2], "x", content)]);
        parse(&file).expect("a good file").remove(0).1
    };
    let numbers = |value| match value {
        Value::Numbers(Matrix { values, .. }) => values,
        other => panic!("{other:?}"),
    };
    let double = [1.5f64.to_le_bytes(), (-2.0f64).to_le_bytes()].concat();
    assert_eq!(numbers(read(6, &element(9, &double))), [1.5, -2.0]);
    // A matrix of doubles stored as smaller numbers.
    assert_eq!(numbers(read(6, &element(1, &[0xff, 2]))), [-1.0, 2.0]);
    let words = [7u16, 300].map(u16::to_le_bytes).concat();
    assert_eq!(numbers(read(11, &element(4, &words))), [7.0, 300.0]);
    let single = [0.25f32.to_le_bytes(), 4.0f32.to_le_bytes()].concat();
    assert_eq!(numbers(read(7, &element(7, &single))), [0.25, 4.0]);
    let letters = [u16::from(b'h'), u16::from(b'i')].map(u16::to_le_bytes).concat();
    assert_eq!(read(4, &element(4, &letters)), Value::Text("hi".to_owned()));
}

#[test]
fn the_other_byte_order_is_read() {
    let data = [1.5f64.to_be_bytes()].concat();
    let big = |kind: u32, data: &[u8]| {
        let mut out = [kind.to_be_bytes(), (data.len() as u32).to_be_bytes()].concat();
        out.extend(data);
        out.resize(out.len().next_multiple_of(8), 0);
        out
    };
    let parts = [
        big(6, &[6u32.to_be_bytes(), [0; 4]].concat()),
        big(5, &[1i32, 1].map(i32::to_be_bytes).concat()),
        big(1, b"x"),
        big(9, &data),
    ];
    let mut bytes = file(&[big(14, &parts.concat())]);
    bytes[126..128].copy_from_slice(b"MI");
    let map = Matrix { rows: 1, columns: 1, values: vec![1.5] };
    assert_eq!(parse(&bytes).expect("a good file"), [("x".to_owned(), Value::Numbers(map))]);
}

#[test]
fn other_formats_are_told_apart() {
    let said = |bytes: &[u8]| parse(bytes).expect_err("no level 5 file").to_string();
    assert!(said(b"\x89HDF\r\n").contains("HDF5"));
    assert!(said(b"short").contains("shorter than a header"));
    assert!(said(&[b'x'; 200]).contains("no byte order"));
}

#[test]
fn contradictions_are_named_with_their_place() {
    let wrong_count = file(&[named(6, [3, 3], "x", &element(2, &[1, 2]))]);
    let error = parse(&wrong_count).expect_err("two numbers for nine").to_string();
    assert!(error.contains("2 numbers in a matrix of [3, 3]"), "{error}");
    let huge = file(&[named(1, [i32::MAX, i32::MAX], "x", &[])]);
    let error = parse(&huge).expect_err("cells that are not there").to_string();
    assert!(error.contains("damaged at byte"), "{error}");
    let whole = annotation();
    let error = parse(&whole[..whole.len() - 20]).expect_err("cut off").to_string();
    assert!(error.contains("of which"), "{error}");
    let mut nested = named(6, [1, 1], "", &element(2, &[1]));
    (0..100).for_each(|_| nested = named(1, [1, 1], "", &nested));
    let error = parse(&file(&[nested])).expect_err("deep").to_string();
    assert!(error.contains("nested deeper"), "{error}");
}

proptest! {
    #[test]
    fn damage_never_panics(at in 128usize..400, with in any::<u8>(), cut in 0usize..400) {
        let mut bytes = annotation();
        let length = bytes.len();
        bytes[at.min(length - 1)] = with;
        let _ = parse(&bytes);
        let _ = parse(&bytes[..cut.min(length)]);
    }

    #[test]
    fn noise_never_panics(noise in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = parse(&file(&[noise]));
    }
}
