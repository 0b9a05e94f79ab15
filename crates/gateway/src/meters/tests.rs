//! What is counted stands where it is looked for.

use super::*;

#[test]
fn every_reason_is_counted_as_itself() {
    let meters = Meters::new();
    for (times, reason) in Reason::ALL.iter().enumerate() {
        (0..times).for_each(|_| meters.refused(*reason));
    }
    let counted: Vec<u64> = meters.refusals().into_iter().map(|(_, count)| count).collect();
    assert_eq!(counted, (0..Reason::ALL.len() as u64).collect::<Vec<_>>());
}

#[test]
fn answers_are_counted_by_the_class_of_their_status() {
    let meters = Meters::new();
    let route = meters.of_route("orders", None);
    for status in [StatusCode::OK, StatusCode::NO_CONTENT, StatusCode::UNAUTHORIZED, StatusCode::BAD_GATEWAY] {
        route.answered(status);
    }
    assert_eq!(route.read().answers, [0, 2, 0, 1, 1]);
}

#[test]
fn a_route_that_is_replaced_goes_on_counting_and_one_that_is_gone_is_forgotten() {
    let meters = Meters::new();
    let (orders, stock) = (meters.of_route("orders", None), meters.of_route("stock", None));
    orders.answered(StatusCode::OK);
    drop(stock);
    meters.keep_those_in_use();
    assert_eq!(meters.of_route("orders", None).read().answers, [0, 1, 0, 0, 0]);
    let names: Vec<Arc<str>> = meters.routes().into_iter().map(|route| route.name).collect();
    assert_eq!(names, ["".into(), Arc::<str>::from("orders")]);
}

#[test]
fn a_route_of_another_realm_begins_anew() {
    let meters = Meters::new();
    let main = "main".parse().unwrap();
    meters.of_route("orders", Some(&main)).answered(StatusCode::OK);
    assert_eq!(meters.of_route("orders", None).read().answers, [0; CLASSES]);
}
