use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use rpcplugin_core::{Address, ProtocolError};
use tokio::sync::{Notify, futures::OwnedNotified};

use crate::message::Announcement;

/// What the peer has announced on one stream, and who on this side cares for it; clones share it.
///
/// An offer is kept until it was used and nobody on this side needs it any more, or until the
/// stream ends. Of those that nobody cares for, a bounded number is kept.
#[derive(Clone, Debug)]
pub(crate) struct Offers(Arc<Mutex<Book>>);

/// The state behind [`Offers`]: it neither waits nor does I/O.
#[derive(Debug)]
struct Book {
    offers: HashMap<u32, Offer>,
    interests: HashMap<u32, Interested>,
    /// Offers without an interest.
    unclaimed: usize,
    most_unclaimed: usize,
    /// The latest numbers that were turned away, so that whoever dials one learns why.
    turned_away: VecDeque<u32>,
}

#[derive(Debug)]
struct Offer {
    address: Address,
    /// It has served its purpose, and goes with the last interest in it.
    used: bool,
}

#[derive(Debug)]
struct Interested {
    count: usize,
    offered: Arc<Notify>,
}

/// Somebody on this side who waits for a side channel, or has it. Dropping it ends the interest.
#[derive(Debug)]
pub(crate) struct Interest {
    id: u32,
    offers: Offers,
}

/// What an interest finds.
#[derive(Debug)]
pub(crate) enum Found {
    Offered(Address),
    /// Nothing yet; the future ends when there is.
    Nothing(OwnedNotified),
}

impl Offers {
    /// A book that keeps so many offers for which nobody cares.
    pub(crate) fn new(most_unclaimed: usize) -> Self {
        Self(Arc::new(Mutex::new(Book {
            offers: HashMap::new(),
            interests: HashMap::new(),
            unclaimed: 0,
            most_unclaimed,
            turned_away: VecDeque::new(),
        })))
    }

    /// Takes an announcement in.
    ///
    /// # Errors
    ///
    /// `PROTOCOL_BROKER_DUPLICATE` if the number is live, `PROTOCOL_BROKER_LIMIT` if nobody cares
    /// for it and too many such are kept. Either way nothing else changes.
    pub(crate) fn announce(&self, announcement: Announcement) -> Result<(), ProtocolError> {
        self.book().announce(announcement)
    }

    pub(crate) fn interest(&self, id: u32) -> Interest {
        self.book().enter(id);
        Interest { id, offers: self.clone() }
    }

    pub(crate) fn unclaimed(&self) -> usize {
        self.book().unclaimed
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        // No code that can panic runs under the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Interest {
    /// # Errors
    ///
    /// `PROTOCOL_BROKER_LIMIT` if the offer came and was turned away.
    pub(crate) fn look(&self) -> Result<Found, ProtocolError> {
        self.offers.book().look(self.id)
    }

    /// The offer has become a channel, or leads nowhere: it is not kept beyond this interest.
    pub(crate) fn used(&self) {
        if let Some(offer) = self.offers.book().offers.get_mut(&self.id) {
            offer.used = true;
        }
    }
}

impl Drop for Interest {
    fn drop(&mut self) {
        self.offers.book().leave(self.id);
    }
}

impl Book {
    /// Numbers that are remembered as turned away.
    const MEMORY: usize = 1024;

    fn announce(
        &mut self,
        Announcement { id, address }: Announcement,
    ) -> Result<(), ProtocolError> {
        if self.offers.contains_key(&id) {
            return Err(ProtocolError::BrokerDuplicate { id });
        }
        match self.interests.get(&id) {
            Some(interested) => interested.offered.notify_waiters(),
            None if self.unclaimed >= self.most_unclaimed => return Err(self.turn_away(id)),
            None => self.unclaimed += 1,
        }
        self.turned_away.retain(|away| *away != id);
        self.offers.insert(id, Offer { address, used: false });
        Ok(())
    }

    fn enter(&mut self, id: u32) {
        let interested = self
            .interests
            .entry(id)
            .or_insert_with(|| Interested { count: 0, offered: Arc::default() });
        interested.count += 1;
        if interested.count == 1 && self.offers.contains_key(&id) {
            self.unclaimed -= 1;
        }
    }

    fn look(&self, id: u32) -> Result<Found, ProtocolError> {
        if let Some(offer) = self.offers.get(&id) {
            return Ok(Found::Offered(offer.address.clone()));
        }
        if self.turned_away.contains(&id) {
            return Err(ProtocolError::BrokerLimit { id, limit: self.most_unclaimed });
        }
        let offered = self.interests.get(&id).map(|interested| interested.offered.clone());
        // An announcement from here on is not missed: the future counts from its making.
        Ok(Found::Nothing(offered.unwrap_or_default().notified_owned()))
    }

    fn leave(&mut self, id: u32) {
        let Some(interested) = self.interests.get_mut(&id) else { return };
        interested.count -= 1;
        if interested.count > 0 {
            return;
        }
        self.interests.remove(&id);
        match self.offers.get(&id) {
            None => {}
            Some(offer) if offer.used => {
                self.offers.remove(&id);
            }
            Some(_) if self.unclaimed >= self.most_unclaimed => {
                self.offers.remove(&id);
                self.turn_away(id);
            }
            // The dial was given up: the next one can have it.
            Some(_) => self.unclaimed += 1,
        }
    }

    fn turn_away(&mut self, id: u32) -> ProtocolError {
        if self.turned_away.len() >= Self::MEMORY {
            self.turned_away.pop_front();
        }
        self.turned_away.push_back(id);
        ProtocolError::BrokerLimit { id, limit: self.most_unclaimed }
    }
}

#[cfg(test)]
mod tests;
