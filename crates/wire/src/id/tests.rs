//! What an id accepts and refuses.

use super::*;

#[derive(Debug)]
struct Counting;

impl Entropy for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
}

#[test]
fn a_generated_id_is_26_letters_and_digits_and_reads_back() {
    let id = UserId::generate(Timestamp(1_700_000_000), &Counting);
    let text = id.to_string();
    assert_eq!(text.len(), 26);
    assert!(text.bytes().all(|b| b.is_ascii_alphanumeric()));
    assert_eq!(text.parse(), Ok(id));
    assert_eq!(serde_json::from_str::<UserId>(&format!("\"{text}\"")).unwrap(), id);
}

#[test]
fn another_spelling_of_the_same_id_is_refused() {
    let text = UserId::generate(Timestamp(1_700_000_000), &Counting).to_string();
    assert!(text.to_lowercase().parse::<UserId>().is_err());
    assert!(format!("{text}0").parse::<UserId>().is_err());
    assert!("".parse::<UserId>().is_err());
}

#[test]
fn a_client_id_never_reads_as_a_user_id() {
    let user = UserId::generate(Timestamp(1_700_000_000), &Counting).to_string();
    assert!(user.parse::<ClientId>().is_err());
    assert!(user.to_lowercase().parse::<ClientId>().is_err());
    assert!("web-1".parse::<ClientId>().is_ok());
    for bad in ["", "a:b", "a b", "ä", "a/b", &"x".repeat(101)] {
        assert!(bad.parse::<ClientId>().is_err(), "{bad}");
    }
}
