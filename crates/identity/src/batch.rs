//! Many questions of one kind, answered by few readings.
//!
//! ```text
//!   question ─► waits ─┐
//!   question ─► waits ─┼─ whose turn it is takes those that wait ─► one reading ─► each its answer
//!   question ─► waits ─┘                                            meanwhile others wait for the next
//! ```
//!
//! An answer is never older than its question: a reading serves those who waited before it began. Who goes away in the
//! middle of their turn leaves the others to ask again. Nothing is kept.
//!
//! Not here: one question that many ask (`joint`).

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;
use tokio::sync::oneshot::error::TryRecvError;

/// Questions that wait, and whose turn it is to have them answered.
#[derive(Debug)]
pub(crate) struct Batch<Q, A> {
    together_max: usize,
    waiting: Mutex<VecDeque<Waiting<Q, A>>>,
    turn: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct Waiting<Q, A> {
    question: Q,
    answer: oneshot::Sender<A>,
}

// === impl Batch ===

impl<Q: Clone + PartialEq, A> Batch<Q, A> {
    /// At most so many questions are answered by one reading.
    pub(crate) fn of(together_max: usize) -> Self {
        Self { together_max, waiting: Mutex::default(), turn: tokio::sync::Mutex::default() }
    }

    /// The answer to a question. `reading` is given questions that may be asked together with it, as `together` says, and
    /// gives as many answers in their order.
    pub(crate) async fn ask<F>(
        &self,
        question: Q,
        together: impl Fn(&Q, &Q) -> bool,
        reading: impl Fn(Vec<Q>) -> F,
    ) -> A
    where
        F: Future<Output = Vec<A>>,
    {
        loop {
            let (answer, mut answered) = oneshot::channel();
            self.waiting().push_back(Waiting { question: question.clone(), answer });
            // None when it was taken by somebody who went away in the middle of their turn.
            let answer = loop {
                tokio::select! {
                    biased;
                    answer = &mut answered => break answer.ok(),
                    // Perhaps it was answered, or dropped, just before our turn came.
                    _turn = self.turn.lock() => match answered.try_recv() {
                        Ok(answer) => break Some(answer),
                        Err(TryRecvError::Closed) => break None,
                        Err(TryRecvError::Empty) => self.answer_some(&together, &reading).await,
                    },
                }
            };
            if let Some(answer) = answer {
                return answer;
            }
        }
    }

    /// Answers the oldest question and those that may be asked together with it.
    async fn answer_some<F>(&self, together: impl Fn(&Q, &Q) -> bool, reading: impl Fn(Vec<Q>) -> F)
    where
        F: Future<Output = Vec<A>>,
    {
        let taken = self.take(together);
        let (questions, answers): (Vec<Q>, Vec<_>) =
            taken.into_iter().map(|Waiting { question, answer }| (question, answer)).unzip();
        for (waiting, answer) in answers.into_iter().zip(reading(questions).await) {
            // Whoever went away needs none.
            drop(waiting.send(answer));
        }
    }

    fn take(&self, together: impl Fn(&Q, &Q) -> bool) -> Vec<Waiting<Q, A>> {
        let mut waiting = self.waiting();
        let mut taken: Vec<Waiting<Q, A>> = Vec::new();
        let mut left = VecDeque::new();
        for one in waiting.drain(..) {
            let fits = taken.first().is_none_or(|first| together(&first.question, &one.question));
            if one.answer.is_closed() {
                continue;
            }
            if fits && taken.len() < self.together_max {
                taken.push(one);
            } else {
                left.push_back(one);
            }
        }
        *waiting = left;
        taken
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<Waiting<Q, A>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
