use std::sync::OnceLock;

use futures_util::future::BoxFuture;
use rpcplugin::{
    config::Setting,
    tls::{AuthorityParams, CertAuthority, Identity, IdentityParams},
};
use rpcplugin_tests::leak::{LeakGuard, leak_free};

use crate::{
    launched::Start,
    ways::{Pairs, WAYS, Way},
};

type Observe = for<'a> fn(Start<'a>) -> BoxFuture<'a, String>;

/// Settings, and what is to be seen of them.
pub(crate) struct Case {
    values: &'static [(Setting, &'static str)],
    other: &'static [(Setting, &'static str)],
    expected: &'static str,
    observe: Observe,
}

/// The operator's certificates.
pub(crate) struct Papers {
    pub(crate) authority: CertAuthority,
    pub(crate) plugin: Identity,
}

/// Makes a test of each case, and the list of them all.
macro_rules! cases {
    ($($name:ident: $case:expr;)*) => {
        $(#[test]
        fn $name() {
            $case.run();
        })*

        pub(crate) fn all() -> Vec<$crate::case::Case> {
            vec![$($case),*]
        }
    };
}
pub(crate) use cases;

impl Case {
    /// With these values, `expected` is seen. In them `{base}` and `{scratch}` are directories, and
    /// `{certificate}`, `{key}` and `{authority}` PEM text.
    pub(crate) const fn new(
        values: &'static [(Setting, &'static str)],
        expected: &'static str,
        observe: Observe,
    ) -> Self {
        Self { values, other: &[], expected, observe }
    }

    /// Values with which something else is seen, and over which the first ones win in a later
    /// layer. Without them: unset.
    pub(crate) const fn other(mut self, other: &'static [(Setting, &'static str)]) -> Self {
        self.other = other;
        self
    }

    pub(crate) fn settings(&self) -> impl Iterator<Item = Setting> {
        self.values.iter().map(|(setting, _)| *setting)
    }

    pub(crate) fn run(&self) {
        leak_free(async |guard| {
            let (values, other) = (filled(self.values, guard), filled(self.other, guard));
            let expected = fill(self.expected, guard);
            let look = async |given| (self.observe)(Start { guard, given }).await;
            for way in WAYS {
                assert_eq!(look(vec![(way, values.clone())]).await, expected, "{way:?}");
            }
            assert_ne!(look(vec![(Way::Variable, other.clone())]).await, expected);
            if other.is_empty() {
                return;
            }
            for (winner, loser) in
                [(Way::Variable, Way::Yaml), (Way::Variable, Way::Code), (Way::Json, Way::Code)]
            {
                let given = vec![(loser, other.clone()), (winner, values.clone())];
                assert_eq!(look(given).await, expected, "{winner:?} over {loser:?}");
            }
        });
    }
}

fn filled(pairs: &[(Setting, &str)], guard: &LeakGuard) -> Pairs {
    pairs.iter().map(|(setting, value)| (*setting, fill(value, guard))).collect()
}

fn fill(text: &str, guard: &LeakGuard) -> String {
    let text = text.replace("{base}", &guard.base().display().to_string());
    let text = text.replace("{scratch}", &guard.scratch().display().to_string());
    if !text.contains('{') {
        return text;
    }
    let papers = papers();
    let secret = papers.plugin.to_secret_pem();
    text.replace("{certificate}", &papers.plugin.chain_pem())
        .replace("{key}", secret.expose())
        .replace("{authority}", &papers.authority.chain_pem())
}

/// The same for all cases.
pub(crate) fn papers() -> &'static Papers {
    static PAPERS: OnceLock<Papers> = OnceLock::new();
    PAPERS.get_or_init(|| {
        let authority = CertAuthority::create(&AuthorityParams::new("operator")).unwrap();
        let plugin = authority.issue(&IdentityParams::issued("plugin")).unwrap();
        Papers { authority, plugin }
    })
}
