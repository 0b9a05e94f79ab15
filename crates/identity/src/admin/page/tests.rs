//! Where pages end.

use super::*;

fn page(rows: u32, limit: u32) -> Page<u32, u32> {
    let limit = Limit::try_from(limit).unwrap();
    Page::of((0..rows.min(limit.rows_and_one())).collect(), limit, |row| *row)
}

#[test]
fn a_page_says_where_the_list_goes_on_and_only_then() {
    assert_eq!(page(2, 3), Page { items: vec![0, 1], next: None });
    assert_eq!(page(3, 3), Page { items: vec![0, 1, 2], next: None });
    assert_eq!(page(4, 3), Page { items: vec![0, 1, 2], next: Some(2) });
}

#[test]
fn a_limit_is_a_number_from_1_to_200() {
    assert_eq!(Limit::try_from(0), Err(BadLimit));
    assert_eq!(Limit::try_from(201), Err(BadLimit));
    assert_eq!(Limit::try_from(200).map(Limit::rows), Ok(200));
    assert_eq!(Limit::default().rows(), 50);
}
