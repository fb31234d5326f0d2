use proptest::prelude::*;

use super::*;

/// A book with a place for main connections.
fn book() -> Book {
    Book { main: Some(mpsc::channel(1).0), ..Book::default() }
}

fn serve(book: &mut Book, id: u32) -> u64 {
    book.listen(id, mpsc::channel(1).0)
}

/// For whom the next stream is.
fn next(book: &mut Book) -> String {
    format!("{:?}", book.route(Instant::now()))
}

#[tokio::test]
async fn streams_go_to_who_was_promised_them_in_order_and_then_to_the_main_server() {
    let mut book = book();
    serve(&mut book, 1);
    serve(&mut book, 2);
    for id in [2, 1, 2] {
        assert!(book.admit(id, 0, Instant::now()));
    }
    let owners: Vec<_> = (0..4).map(|_| next(&mut book)).collect();
    assert_eq!(owners, ["Channel(2)", "Channel(1)", "Channel(2)", "Main"]);
}

#[tokio::test]
async fn nothing_is_promised_to_a_number_that_nobody_serves() {
    let mut book = book();
    assert!(!book.admit(7, 0, Instant::now()));
    assert_eq!(next(&mut book), "Main");
}

#[tokio::test]
async fn a_promise_to_what_was_closed_takes_its_stream_all_the_same() {
    let mut book = book();
    let serial = serve(&mut book, 1);
    book.admit(1, 0, Instant::now());
    book.close(1, serial);
    assert_eq!(next(&mut book), "Closed(1)");
    assert_eq!(next(&mut book), "Main");
}

#[tokio::test]
async fn closing_what_was_served_before_leaves_what_is_served_now() {
    let mut book = book();
    let before = serve(&mut book, 1);
    serve(&mut book, 1);
    book.close(1, before);
    assert!(book.admit(1, 0, Instant::now()));
}

#[tokio::test]
async fn a_host_has_no_place_for_a_stream_without_a_knock() {
    assert_eq!(next(&mut Book::default()), "Nobody");
}

#[tokio::test(start_paused = true)]
async fn a_promise_that_was_never_taken_up_shifts_nobody_for_ever() {
    let mut book = book();
    serve(&mut book, 1);
    book.admit(1, 0, Instant::now());
    tokio::time::advance(Book::PROMISE + Duration::from_millis(1)).await;
    serve(&mut book, 2);
    book.admit(2, 0, Instant::now());
    assert_eq!(next(&mut book), "Channel(2)");
}

#[tokio::test]
async fn promises_end_with_the_stream_on_which_they_were_given() {
    let router = Router::new(Some(mpsc::channel(1).0));
    let (_, _streams) = router.listen(1);
    let (first, second) = (router.link(), router.link());
    assert!(router.admit(1, first) && router.admit(1, second));
    router.forget(first);
    assert_eq!(next(&mut router.book()), "Channel(1)");
    assert_eq!(next(&mut router.book()), "Main");
}

#[tokio::test]
async fn a_stream_without_a_place_uses_its_promise_up() {
    let (main, mut streams) = mpsc::channel(1);
    let router = Router::new(Some(main));
    let (_, mut channel) = router.listen(1);
    assert!(router.admit(1, 0));
    router.route(None, &Peer::default(), &CancellationToken::new());
    router.route(
        Some(Box::new(tokio::io::duplex(1).0)),
        &Peer::default(),
        &CancellationToken::new(),
    );
    assert!(channel.try_recv().is_err() && streams.try_recv().is_ok());
}

#[tokio::test]
async fn a_stream_of_a_session_that_is_closing_takes_up_no_promise() {
    let router = Router::new(None);
    let (_, mut channel) = router.listen(1);
    let (before, after) = (CancellationToken::new(), CancellationToken::new());
    assert!(router.admit(1, router.link()));
    before.cancel();
    router.forget_all();
    assert!(router.admit(1, router.link()));
    for session in [&before, &after] {
        router.route(Some(Box::new(tokio::io::duplex(1).0)), &Peer::default(), session);
        assert_eq!(channel.try_recv().is_ok(), std::ptr::eq(session, &after));
    }
    assert_eq!(router.promised(), 0);
}

#[tokio::test(start_paused = true)]
async fn promises_that_still_stand_are_counted() {
    let mut book = book();
    serve(&mut book, 1);
    book.admit(1, 0, Instant::now());
    tokio::time::advance(Book::PROMISE).await;
    book.admit(1, 0, Instant::now());
    assert_eq!(book.promised(Instant::now()), 2);
    tokio::time::advance(Duration::from_millis(1)).await;
    assert_eq!(book.promised(Instant::now()), 1);
    assert_eq!(book.expected.len(), 1, "what is void is not kept");
}

#[tokio::test]
async fn a_flood_of_stray_streams_and_of_hopeless_knocks_makes_few_lines() {
    let router = Router::new(None);
    let warnings = crate::logged::Warnings::new();
    let stray = || -> BoxIo { Box::new(tokio::io::duplex(1).0) };
    for _ in 0..500 {
        router.route(Some(stray()), &Peer::default(), &CancellationToken::new());
        router.route(None, &Peer::default(), &CancellationToken::new());
    }
    assert_eq!(warnings.count(), 16 + 5, "of 1000 streams");
    for id in 0..1000 {
        router.clone().refused(&ProtocolError::BrokerUnknownId { id });
    }
    assert_eq!(warnings.count(), 2 * (16 + 5));
}

/// What can happen to a book.
#[derive(Clone, Debug)]
enum Step {
    Serve(u32),
    Close(u32),
    Knock(u32, LinkId),
    Forget(LinkId),
    Stream,
}

fn step() -> impl Strategy<Value = Step> {
    let (id, link) = (0..4_u32, 0..2_u64);
    (0..9_u8, id, link).prop_map(|(kind, id, link)| match kind {
        0 | 1 => Step::Serve(id),
        2 => Step::Close(id),
        3..6 => Step::Knock(id, link),
        6 => Step::Forget(link),
        _ => Step::Stream,
    })
}

proptest! {
    #[test]
    fn each_stream_goes_to_the_oldest_promise_that_still_stands(
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let now = Instant::from_std(std::time::Instant::now());
        let (mut book, mut serials) = (book(), HashMap::new());
        let mut model: Vec<(u32, LinkId)> = Vec::new();
        for step in steps {
            match step {
                Step::Serve(id) => {
                    serials.insert(id, serve(&mut book, id));
                }
                Step::Close(id) => {
                    if let Some(serial) = serials.remove(&id) {
                        book.close(id, serial);
                    }
                }
                Step::Knock(id, link) => {
                    let served = serials.contains_key(&id);
                    prop_assert_eq!(book.admit(id, link, now), served);
                    if served {
                        model.push((id, link));
                    }
                }
                Step::Forget(link) => {
                    book.expected.retain(|expected| expected.link != link);
                    model.retain(|(_, of)| *of != link);
                }
                Step::Stream => {
                    let expected = if model.is_empty() {
                        "Main".to_owned()
                    } else {
                        let (id, _) = model.remove(0);
                        let kind = if serials.contains_key(&id) { "Channel" } else { "Closed" };
                        format!("{kind}({id})")
                    };
                    prop_assert_eq!(format!("{:?}", book.route(now)), expected);
                }
            }
        }
    }
}
