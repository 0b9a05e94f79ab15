//! The hash chain and the JSON forms.

use super::*;
use crate::GrantId;

fn changes(grant: u128) -> Vec<Change> {
    vec![Change::GrantRevoked { grant: GrantId(grant) }]
}

#[test]
fn a_link_depends_on_everything_before_and_in_the_entry() {
    let realm: RealmName = "main".parse().unwrap();
    let genesis = ChainHash::genesis(&realm);
    let link = genesis.next(Position::new(1, 1), Timestamp(10), &changes(1));
    assert_ne!(link, genesis.next(Position::new(1, 2), Timestamp(10), &changes(1)));
    assert_ne!(link, genesis.next(Position::new(1, 1), Timestamp(11), &changes(1)));
    assert_ne!(link, genesis.next(Position::new(1, 1), Timestamp(10), &changes(2)));
    assert_ne!(link, link.next(Position::new(1, 1), Timestamp(10), &changes(1)));
    assert_eq!(link, genesis.next(Position::new(1, 1), Timestamp(10), &changes(1)));
}

#[test]
fn an_entry_reads_back_from_its_json() {
    let realm: RealmName = "main".parse().unwrap();
    let hash = ChainHash::genesis(&realm);
    let entry = Entry { position: Position::new(3, 4), changes: changes(5), until: Timestamp(6), hash };
    let json = serde_json::to_string(&entry).unwrap();
    assert_eq!(serde_json::from_str::<Entry>(&json).unwrap(), entry);
}

#[test]
fn a_change_of_an_unknown_type_is_an_error_and_not_skipped() {
    assert!(serde_json::from_str::<Change>(r#"{"type":"moon_phase","phase":"full"}"#).is_err());
    assert!(serde_json::from_str::<Change>(r#"{"type":"grant_revoked","grant":"x"}"#).is_err());
}
