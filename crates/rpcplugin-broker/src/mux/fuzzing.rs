//! A script against the books of a multiplexed broker, and a model of what they must hold.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use futures_util::FutureExt as _;
use rpcplugin_proto::plugin::{ConnInfo, conn_info::Knock};
use rpcplugin_transport::{BoxIo, Generation, Listener as _, Peer};
use tokio::{sync::mpsc, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{Answers, HeldKnocks, Multiplexer, SideListener, Verdict, answers::Knocked};
use crate::{
    ids::{Ids, LiveId},
    message::{self, Multiplexed},
};

/// What a peer says and opens on a multiplexed connection, while this side serves and knocks.
///
/// The bytes are a script. Each step takes one byte: three bits choose what happens, the others
/// the number that it happens to, or which of several. A message takes one more.
pub fn mux(script: &[u8]) {
    thread_local! {
        static RUNTIME: tokio::runtime::Runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime without I/O needs nothing of the system");
    }
    RUNTIME.with(|runtime| runtime.block_on(Play::new().run(script)));
}

/// Few, so that a short script reaches the bounds.
const MOST: usize = 3;
const WAITING: usize = 2;
/// As in the books themselves.
const PATIENCE: Duration = Duration::from_secs(4);
const PROMISE: Duration = Duration::from_secs(10);
const MEMORY: usize = 1024;

struct Play {
    multiplexer: Multiplexer,
    ids: Ids,
    served: Vec<(SideListener, LiveId)>,
    link: Link,
}

/// One life of the broker's stream, with what the model knows of it.
struct Link {
    held: HeldKnocks,
    outgoing: mpsc::Receiver<ConnInfo>,
    answers: Answers,
    /// When each message was sent that was not read yet.
    sent: VecDeque<Instant>,
    /// The peer's knocks without an answer, and when their time is up.
    knocks: Vec<(u32, Instant)>,
    /// Welcomes whose stream has not come.
    promises: VecDeque<(u32, Instant)>,
    ours: BTreeMap<u32, Ours>,
    late: VecDeque<u32>,
}

/// A knock of this side.
struct Ours {
    knocked: Knocked,
    answer: Option<Result<(), String>>,
}

impl Play {
    fn new() -> Self {
        let (multiplexer, ids) = (Multiplexer::host(Generation::new()), Ids::default());
        let link = Link::new(&multiplexer, &ids);
        Self { multiplexer, ids, served: Vec::new(), link }
    }

    async fn run(mut self, script: &[u8]) {
        let mut script = script.iter();
        while let Some(step) = script.next() {
            let what = *step & 0x1f;
            let id = u32::from(what & 7);
            match *step >> 5 {
                0 => self.serve(),
                1 => self.close(what.into()),
                2 => {
                    let message = conn_info(id, script.next().copied().unwrap_or_default());
                    self.link.hear(&message);
                }
                3 => self.stream(what & 1 == 0),
                4 => self.link.knock(id),
                5 => self.link.give_up(id, what & 8 == 0),
                6 => tokio::time::advance(Duration::from_millis(500 * u64::from(what))).await,
                _ if what == 0 => self.link = Link::new(&self.multiplexer, &self.ids),
                _ => self.link.answer(),
            }
            assert!(self.link.outgoing.len() <= WAITING);
            tokio::task::yield_now().await;
        }
        self.end().await;
    }

    fn serve(&mut self) {
        // More than there are numbers in a script.
        if self.served.len() < 8 {
            let live = self.ids.next();
            self.served.push((SideListener::new(self.multiplexer.clone(), &live), live));
        }
    }

    fn close(&mut self, which: usize) {
        if which < self.served.len() {
            drop(self.served.remove(which));
        }
    }

    /// The peer opens a stream, for which there is a place or not.
    fn stream(&mut self, has_place: bool) {
        self.link.read(&self.ids);
        let io = has_place.then(|| Box::new(tokio::io::duplex(1).0) as BoxIo);
        self.multiplexer.router().route(io, &Peer::default(), &CancellationToken::new());
        let owner = self.link.stream_comes().filter(|_| has_place);
        for (listener, live) in &mut self.served {
            let came = listener.accept().now_or_never().is_some();
            assert_eq!(came, owner == Some(live.id().get()), "{live:?}, meant for {owner:?}");
        }
    }

    /// Whatever happened, each knock has its answer in time.
    async fn end(mut self) {
        for _ in 0..2 {
            // Each round makes room for the next ones.
            for _ in 0..=2 * MOST {
                self.link.answer();
                self.link.read(&self.ids);
                tokio::task::yield_now().await;
            }
            tokio::time::advance(PATIENCE).await;
        }
        assert!(self.link.knocks.is_empty(), "no answer to {:?}", self.link.knocks);
        assert_eq!(self.multiplexer.router().promised(), self.link.standing());
        drop(self.link);
        assert_eq!(self.multiplexer.router().promised(), 0, "promises end with their stream");
        drop(self.served);
        assert_eq!(self.ids.live(), 0);
    }
}

impl Link {
    fn new(multiplexer: &Multiplexer, ids: &Ids) -> Self {
        let (sender, outgoing) = mpsc::channel(WAITING);
        Self {
            held: HeldKnocks::new(multiplexer.clone(), ids.clone(), sender, MOST),
            outgoing,
            answers: Answers::default(),
            sent: VecDeque::new(),
            knocks: Vec::new(),
            promises: VecDeque::new(),
            ours: BTreeMap::new(),
            late: VecDeque::new(),
        }
    }

    /// The peer says something.
    fn hear(&mut self, message: &ConnInfo) {
        match message::read_multiplexed(message) {
            Ok(Multiplexed::Knock(id)) => self.knocked(id),
            Ok(Multiplexed::Answer(id, answer)) => self.answered(id, answer),
            Err(error) => {
                assert!(message.knock.is_none());
                assert_eq!(error.code(), "PROTOCOL_BROKER_MESSAGE");
            }
        }
    }

    fn knocked(&mut self, id: u32) {
        // What is sent counts as a promise or not at all, and the model does not know which.
        let unread = self.outgoing.len();
        let most = self.knocks.len() + self.standing();
        match self.held.knocked(id) {
            Ok(()) => {
                assert!(most - unread < MOST, "{most} are too many");
                self.knocks.push((id, Instant::now() + PATIENCE));
            }
            Err(error) => {
                assert_eq!(error.code(), "PROTOCOL_BROKER_LIMIT");
                assert!(most >= MOST, "{most} are not too many");
            }
        }
    }

    fn answered(&mut self, id: u32, answer: Result<(), String>) {
        let welcome = answer.is_ok();
        let verdict = self.answers.answered(id, answer.clone());
        let waiting = self.ours.get_mut(&id).filter(|ours| ours.answer.is_none());
        let expected = if let Some(ours) = waiting {
            ours.answer = Some(answer);
            Verdict::Settled
        } else if let Some(place) = self.late.iter().position(|late| *late == id) {
            self.late.remove(place);
            if welcome { Verdict::Owed } else { Verdict::Settled }
        } else {
            Verdict::Stray
        };
        assert_eq!(verdict, expected);
        if verdict == Verdict::Owed {
            self.held.open_owed();
        }
    }

    /// This side knocks: one at a time for each number.
    fn knock(&mut self, id: u32) {
        let answers = &self.answers;
        let knock = || Ours { knocked: answers.knock(id), answer: None };
        self.ours.entry(id).or_insert_with(knock);
    }

    /// This side takes its answer, or waits no longer.
    fn give_up(&mut self, id: u32, by_dropping: bool) {
        let Some(Ours { mut knocked, answer }) = self.ours.remove(&id) else { return };
        if answer.is_none() {
            if self.late.len() >= MEMORY {
                self.late.pop_front();
            }
            self.late.push_back(id);
        }
        if by_dropping {
            assert_eq!(knocked.answer().now_or_never(), answer);
        } else {
            assert_eq!(knocked.give_up(), answer);
        }
    }

    /// Answers what can be answered now.
    fn answer(&mut self) {
        let before = self.outgoing.len();
        let ended = self.held.answer().now_or_never();
        assert!(ended.is_none());
        self.sent.extend((before..self.outgoing.len()).map(|_| Instant::now()));
    }

    /// The peer reads what was sent.
    fn read(&mut self, ids: &Ids) {
        while let Ok(message) = self.outgoing.try_recv() {
            let at = self.sent.pop_front().expect("it was counted when it was sent");
            let Ok(Multiplexed::Answer(id, answer)) = message::read_multiplexed(&message) else {
                panic!("{message:?} is no answer");
            };
            let place = self.knocks.iter().position(|(of, _)| *of == id);
            let (_, until) = self.knocks.remove(place.expect("an answer has its knock"));
            match answer {
                Ok(()) => self.promises.push_back((id, at)),
                Err(_) => assert!(ids.is_over(id) || until <= at, "{id} was refused too soon"),
            }
        }
    }

    /// For which number the next stream is, and it is no longer promised.
    fn stream_comes(&mut self) -> Option<u32> {
        let standing = self.standing();
        self.promises.drain(..self.promises.len() - standing);
        self.promises.pop_front().map(|(id, _)| id)
    }

    /// How many promises that the peer knows of still stand.
    fn standing(&self) -> usize {
        self.promises.iter().filter(|(_, since)| since.elapsed() <= PROMISE).count()
    }
}

/// A message with any of the fields that mean something here.
fn conn_info(service_id: u32, kind: u8) -> ConnInfo {
    let error = if kind & 4 == 0 { "" } else { "no\u{1b}" }.to_owned();
    let knock = Knock { knock: kind & 1 == 0, ack: kind & 2 != 0, error };
    ConnInfo { service_id, knock: (kind & 8 == 0).then_some(knock), ..ConnInfo::default() }
}
