use futures_util::FutureExt as _;
use proptest::prelude::*;

use super::*;

fn announcement(id: u32) -> Announcement {
    Announcement { id, address: address(id) }
}

fn address(id: u32) -> Address {
    Address::Unix(format!("/sockets/{id}").into())
}

#[track_caller]
fn refused(offers: &Offers, id: u32, code: &str) {
    assert_eq!(offers.announce(announcement(id)).unwrap_err().code(), code);
}

#[track_caller]
fn offered(interest: &Interest, id: u32) {
    assert!(matches!(interest.look().unwrap(), Found::Offered(found) if found == address(id)));
}

#[test]
fn an_offer_is_found_before_and_after_it_is_asked_for() {
    let offers = Offers::new(8);
    offers.announce(announcement(1)).unwrap();
    offered(&offers.interest(1), 1);

    let early = offers.interest(2);
    let Found::Nothing(notified) = early.look().unwrap() else { panic!("nobody offers 2") };
    offers.announce(announcement(2)).unwrap();
    assert_eq!(notified.now_or_never(), Some(()), "even if it was never polled before");
    offered(&early, 2);
}

#[test]
fn a_dial_that_was_given_up_leaves_its_offer() {
    let offers = Offers::new(8);
    offers.announce(announcement(1)).unwrap();
    drop(offers.interest(1));
    assert_eq!(offers.unclaimed(), 1);
    offered(&offers.interest(1), 1);
}

#[test]
fn a_live_number_cannot_be_offered_again() {
    let offers = Offers::new(8);
    offers.announce(announcement(1)).unwrap();
    refused(&offers, 1, "PROTOCOL_BROKER_DUPLICATE");
    let (first, second) = (offers.interest(1), offers.interest(1));
    first.used();
    drop(first);
    refused(&offers, 1, "PROTOCOL_BROKER_DUPLICATE");
    offered(&second, 1);
    drop(second);
    offers.announce(announcement(1)).unwrap();
}

#[test]
fn beyond_the_bound_offers_are_turned_away_and_remembered() {
    let offers = Offers::new(2);
    let waiting = offers.interest(9);
    offers.announce(announcement(1)).unwrap();
    offers.announce(announcement(2)).unwrap();
    refused(&offers, 3, "PROTOCOL_BROKER_LIMIT");
    offers.announce(announcement(9)).unwrap();
    offered(&waiting, 9);
    assert_eq!(offers.interest(3).look().unwrap_err().code(), "PROTOCOL_BROKER_LIMIT");

    let first = offers.interest(1);
    offers.announce(announcement(3)).unwrap();
    offered(&offers.interest(3), 3);
    drop(first);
    assert_eq!(offers.unclaimed(), 2, "an offer that comes back does not break the bound");
}

#[test]
fn a_flood_costs_bounded_memory() {
    let offers = Offers::new(1024);
    let refused = (0..200_000).filter(|id| offers.announce(announcement(*id)).is_err()).count();
    let book = offers.book();
    assert_eq!((refused, book.offers.len(), book.turned_away.len()), (200_000 - 1024, 1024, 1024));
    assert!(book.interests.is_empty());
}

/// What may happen to a book with few numbers and a small bound.
#[derive(Clone, Debug)]
enum Step {
    Announce(u32),
    Enter(u32),
    Use(usize),
    Leave(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..6_u32).prop_map(Step::Announce),
        2 => (0..6_u32).prop_map(Step::Enter),
        1 => any::<prop::sample::Index>().prop_map(|at| Step::Use(at.index(8))),
        2 => any::<prop::sample::Index>().prop_map(|at| Step::Leave(at.index(8))),
    ]
}

proptest! {
    #[test]
    fn no_order_of_events_breaks_the_book(steps in prop::collection::vec(step(), 1..200)) {
        const MOST: usize = 3;
        let offers = Offers::new(MOST);
        let mut held: Vec<Interest> = Vec::new();
        for step in steps {
            match step {
                Step::Announce(id) => {
                    let live = offers.book().offers.contains_key(&id);
                    let wanted = held.iter().any(|interest| interest.id == id);
                    let full = offers.unclaimed() == MOST;
                    let code = offers.announce(announcement(id)).err().map(|error| error.code());
                    let expected = match (live, wanted, full) {
                        (true, _, _) => Some("PROTOCOL_BROKER_DUPLICATE"),
                        (false, false, true) => Some("PROTOCOL_BROKER_LIMIT"),
                        _ => None,
                    };
                    prop_assert_eq!(code, expected);
                }
                Step::Enter(id) => held.push(offers.interest(id)),
                Step::Use(at) => {
                    if let Some(interest) = held.get(at) {
                        interest.used();
                    }
                }
                Step::Leave(at) if at < held.len() => drop(held.swap_remove(at)),
                Step::Leave(_) => {}
            }
            let book = offers.book();
            let unclaimed =
                book.offers.keys().filter(|id| !book.interests.contains_key(id)).count();
            prop_assert_eq!(book.unclaimed, unclaimed);
            prop_assert!(unclaimed <= MOST);
            let interests: usize = book.interests.values().map(|each| each.count).sum();
            prop_assert_eq!(interests, held.len());
            prop_assert!(book.turned_away.iter().all(|id| !book.offers.contains_key(id)));
            for (id, offer) in &book.offers {
                prop_assert_eq!(&offer.address, &address(*id));
                prop_assert!(!offer.used || book.interests.contains_key(id));
            }
        }
        drop(held);
        prop_assert!(offers.book().interests.is_empty());
    }
}
