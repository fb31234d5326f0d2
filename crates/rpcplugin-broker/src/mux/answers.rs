use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::oneshot;

/// The knocks of this side on one stream of the broker, and the answers to them. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answers(Arc<Mutex<Book>>);

/// The state behind [`Answers`]: it neither waits nor does I/O.
#[derive(Debug, Default)]
struct Book {
    waiting: HashMap<u32, oneshot::Sender<Answer>>,
    /// Knocks that were given up, oldest first: their answers may still come.
    late: VecDeque<u32>,
}

/// What the acceptor said: come in, or its reason not to.
pub(crate) type Answer = Result<(), String>;

/// What an answer is to who reads it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Verdict {
    /// Its knock waits for it, or it asks for nothing.
    Settled,
    /// The acceptor expects a stream that nobody wants any more: one must be opened, and closed.
    Owed,
    /// Nobody knocked.
    Stray,
}

/// A knock that waits for its answer. If it is dropped before, the answer is late.
#[derive(Debug)]
pub(super) struct Knocked {
    id: u32,
    answers: Answers,
    answer: oneshot::Receiver<Answer>,
    answered: bool,
}

impl Answers {
    /// Notes a knock that is about to be sent. A side has one at a time for each number.
    pub(super) fn knock(&self, id: u32) -> Knocked {
        let (sender, answer) = oneshot::channel();
        self.book().waiting.insert(id, sender);
        Knocked { id, answers: self.clone(), answer, answered: false }
    }

    /// Takes an answer in.
    pub(crate) fn answered(&self, id: u32, answer: Answer) -> Verdict {
        self.book().answered(id, answer)
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        // No code that can panic runs under the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Knocked {
    /// Waits for the answer. Cancel-safe.
    pub(super) async fn answer(&mut self) -> Answer {
        let answer = (&mut self.answer).await;
        self.answered = true;
        // The book holds the sender until it has sent.
        answer.unwrap_or_else(|_| Err("it was knocked for again".to_owned()))
    }

    /// Stops waiting. An answer that came at the last moment counts.
    pub(super) fn give_up(mut self) -> Option<Answer> {
        let mut book = self.answers.book();
        let answer = self.answer.try_recv().ok();
        if answer.is_none() {
            book.give_up(self.id);
        }
        drop(book);
        self.answered = true;
        answer
    }
}

impl Drop for Knocked {
    fn drop(&mut self) {
        if !self.answered {
            self.answers.book().give_up(self.id);
        }
    }
}

impl Book {
    /// Knocks without an answer that are remembered.
    const MEMORY: usize = 1024;

    fn answered(&mut self, id: u32, answer: Answer) -> Verdict {
        if let Some(waiting) = self.waiting.remove(&id) {
            let welcome = answer.is_ok();
            return match waiting.send(answer) {
                Err(_) if welcome => Verdict::Owed,
                _ => Verdict::Settled,
            };
        }
        let Some(place) = self.late.iter().position(|late| *late == id) else {
            return Verdict::Stray;
        };
        self.late.remove(place);
        if answer.is_ok() { Verdict::Owed } else { Verdict::Settled }
    }

    fn give_up(&mut self, id: u32) {
        if self.waiting.remove(&id).is_none() {
            return;
        }
        if self.late.len() >= Self::MEMORY {
            self.late.pop_front();
        }
        self.late.push_back(id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_answer_reaches_its_knock() {
        let answers = Answers::default();
        let (mut first, mut second) = (answers.knock(1), answers.knock(2));
        assert_eq!(answers.answered(2, Ok(())), Verdict::Settled);
        assert_eq!(answers.answered(1, Err("no".to_owned())), Verdict::Settled);
        assert_eq!(second.answer().await, Ok(()));
        assert_eq!(first.answer().await, Err("no".to_owned()));
        drop((first, second));
        assert_eq!(answers.answered(1, Ok(())), Verdict::Stray, "it is answered already");
    }

    #[test]
    fn a_late_welcome_owes_a_stream_once() {
        let answers = Answers::default();
        assert_eq!(answers.knock(7).give_up(), None);
        assert_eq!(answers.answered(7, Ok(())), Verdict::Owed);
        assert_eq!(answers.answered(7, Ok(())), Verdict::Stray);
        drop(answers.knock(8));
        assert_eq!(answers.answered(8, Err("no".to_owned())), Verdict::Settled);
        assert_eq!(answers.answered(8, Ok(())), Verdict::Stray);
    }

    #[test]
    fn an_answer_at_the_last_moment_counts() {
        let answers = Answers::default();
        let knocked = answers.knock(7);
        assert_eq!(answers.answered(7, Ok(())), Verdict::Settled);
        assert_eq!(knocked.give_up(), Some(Ok(())));
    }

    #[test]
    fn a_second_knock_takes_the_first_answer_and_owes_the_second() {
        let answers = Answers::default();
        drop(answers.knock(7));
        let second = answers.knock(7);
        assert_eq!(answers.answered(7, Ok(())), Verdict::Settled);
        assert_eq!(second.give_up(), Some(Ok(())));
        assert_eq!(answers.answered(7, Ok(())), Verdict::Owed);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let answers = Answers::default();
        for id in 0..2000 {
            drop(answers.knock(id));
        }
        assert_eq!(answers.book().late.len(), Book::MEMORY);
        assert_eq!(answers.answered(0, Ok(())), Verdict::Stray);
        assert_eq!(answers.answered(1999, Ok(())), Verdict::Owed);
    }
}
