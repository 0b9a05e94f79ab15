//! Columns that are not what they should be.

use super::*;

fn columns(values: Vec<Value>) -> Columns {
    Row(values).of("users")
}

#[track_caller]
fn check<T: Column + std::fmt::Debug + PartialEq>(value: Value, expected: Result<T, &str>) {
    assert_eq!(T::read(value), expected.map_err(str::to_owned));
}

#[test]
fn each_kind_is_read_as_itself_and_as_nothing_else() {
    check::<i64>(Value::Int(3), Ok(3));
    check::<i64>(Value::Text("3".to_owned()), Err("expected an integer, found a text"));
    check::<String>(Value::Blob(vec![3]), Err("expected a text, found bytes"));
    check::<Vec<u8>>(Value::Null, Err("expected bytes, found null"));
    check::<Option<i64>>(Value::Null, Ok(None));
    check::<bool>(Value::Int(2), Err("expected 0 or 1, found 2"));
    check::<Digest>(Value::Blob(vec![0; 31]), Err("expected 32 bytes, found 31"));
    check::<Epoch>(Value::Int(4), Ok(Epoch(4)));
}

#[test]
fn numbers_outside_their_type_are_damage() {
    assert!(u32::read(Value::Int(-1)).is_err());
    assert!(u32::read(Value::Int(1 << 40)).is_err());
    assert!(Revision::read(Value::Int(-1)).is_err());
}

#[test]
fn damage_names_the_table_and_the_key_of_the_part_that_was_read() {
    let mut row = columns(vec![Value::Text("01A".to_owned()), Value::Blob(vec![0xab; 32]), Value::Int(1)]);
    let _: String = row.take().unwrap();
    row.go_on_with("codes");
    let _: Vec<u8> = row.take().unwrap();
    let error = row.take::<String>().unwrap_err();
    assert_eq!(error.to_string(), "codes row `abababababababab…` is damaged: expected a text, found an integer");
    assert!(row.take::<i64>().unwrap_err().to_string().contains("a column is missing"));
}

#[test]
fn json_of_another_form_is_damage() {
    let mut row = columns(vec![Value::Text("{".to_owned())]);
    assert!(matches!(row.json::<Vec<String>>(), Err(StoreError::Damaged { table: "users", .. })));
}
