use rpcplugin_core::ProtocolError;

/// Logs what a peer does wrong, and less and less of it the more it does.
#[derive(Debug, Default)]
pub(crate) struct Noise {
    count: u64,
}

impl Noise {
    /// A peer that makes so many mistakes makes more of them.
    const FIRST: u64 = 16;

    pub(crate) fn make(&mut self, error: &ProtocolError) {
        self.count += 1;
        if self.is_worth_a_line() {
            tracing::warn!(
                code = error.code(),
                count = self.count,
                "ignored by the broker: {error}"
            );
        }
    }

    /// The first ones, then at each doubling.
    const fn is_worth_a_line(&self) -> bool {
        self.count <= Self::FIRST || self.count.is_power_of_two()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_mistakes_makes_few_lines() {
        let mut noise = Noise::default();
        let lines = (0..200_000)
            .filter(|_| {
                noise.make(&ProtocolError::BrokerDuplicate { id: 1 });
                noise.is_worth_a_line()
            })
            .count();
        assert_eq!(lines, 16 + 13);
    }
}
