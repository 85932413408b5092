//! The shared store of the quota processes, in memory: reads, and writes that compare what was seen.

use std::collections::BTreeMap;

use crate::{
    auditor::{Auditor, Deed},
    message::{Held, Merchant, Message, Place},
    net::Net,
    setup::Mutation,
};

pub struct Store {
    held: BTreeMap<Merchant, Held>,
    mutation: Mutation,
}

impl Store {
    pub const fn new(mutation: Mutation) -> Self {
        Self { held: BTreeMap::new(), mutation }
    }

    /// Loses everything.
    pub fn flush(&mut self) {
        self.held.clear();
    }

    pub fn get(&self, merchant: Merchant) -> Option<&Held> {
        self.held.get(&merchant)
    }

    pub fn receive(&mut self, net: &mut Net, auditor: &mut Auditor, quota: Place, message: Message) {
        match message {
            Message::Load { job, merchant } => self.answer(net, quota, (job, merchant), None),
            Message::Commit { job, attempt, merchant, seen, next, deed } => {
                let is = self.held.get(&merchant).map(|held| (held.generation, held.version));
                let blind = self.mutation == Mutation::CommitBlindly && is.is_some();
                let done = is == seen || blind;
                if done {
                    self.commit(net, auditor, (merchant, next), &deed);
                }
                self.answer(net, quota, (job, merchant), done.then_some(attempt));
            }
            other => unreachable!("{other:?} is nothing for the store"),
        }
    }

    fn commit(
        &mut self,
        net: &mut Net,
        auditor: &mut Auditor,
        (merchant, next): (Merchant, Held),
        deed: &Deed,
    ) {
        auditor.committed(net.now, merchant, self.held.get(&merchant), &next, deed);
        self.held.insert(merchant, next);
    }

    fn answer(&self, net: &mut Net, quota: Place, (job, merchant): (u64, Merchant), done: Option<u32>) {
        let held = self.held.get(&merchant).cloned();
        net.send(Place::Store, quota, Message::Stored { job, merchant, held, done });
    }
}
