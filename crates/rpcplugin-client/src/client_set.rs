use std::{fmt, time::Duration};

use futures_util::future::join_all;
use rpcplugin_core::Error;
use tokio::time::sleep;

use crate::{Client, ShutdownReport};

/// Several running plugins under names, which are shut down together.
///
/// Dropping it drops its clients, and that kills each plugin of which no other handle is left.
///
/// # Example
///
/// ```no_run
/// use std::time::Duration;
///
/// use rpcplugin_client::{Client, ClientSet};
/// use rpcplugin_core::MagicCookie;
/// use tokio::process::Command;
///
/// const COOKIE: MagicCookie = MagicCookie::new("KV_PLUGIN_COOKIE", "e2b6a1");
///
/// # async fn run() -> Result<(), rpcplugin_core::Error> {
/// let builder = Client::builder(COOKIE);
/// let mut plugins = ClientSet::new();
/// for name in ["disk", "cloud"] {
///     let command = Command::new(format!("./{name}-plugin"));
///     plugins.insert(name, builder.clone().spawn(command).await?);
/// }
/// for (name, outcome) in plugins.shutdown(Duration::from_secs(5)).await {
///     match outcome {
///         Ok(report) => println!("{name}: {report}"),
///         Err(error) => eprintln!("{name}: {error}"),
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct ClientSet {
    /// In the order in which they came.
    clients: Vec<(String, Client)>,
}

impl ClientSet {
    /// A set without plugins.
    #[must_use]
    pub const fn new() -> Self {
        Self { clients: Vec::new() }
    }

    /// Adds a plugin. One of the same name leaves the set and is returned; it takes no place
    /// among the others any more, but runs on as long as it has a handle.
    pub fn insert(&mut self, name: impl Into<String>, client: Client) -> Option<Client> {
        let name = name.into();
        let former = self.remove(&name);
        self.clients.push((name, client));
        former
    }

    /// Takes a plugin out of the set.
    pub fn remove(&mut self, name: &str) -> Option<Client> {
        let index = self.clients.iter().position(|(found, _)| found == name)?;
        Some(self.clients.remove(index).1)
    }

    /// The plugin of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Client> {
        self.iter().find_map(|(found, client)| (found == name).then_some(client))
    }

    /// The plugins with their names, in the order in which they were added.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Client)> {
        self.clients.iter().map(|(name, client)| (name.as_str(), client))
    }

    /// How many plugins there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.clients.len()
    }

    /// Whether there is no plugin.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.clients.is_empty()
    }

    /// Ends all plugins at once and returns when the last has ended, with what became of each, in
    /// the order in which they were added: the outcome that [`Client::shutdown`] has.
    ///
    /// Each climbs the ladder of [`Client::shutdown`] with its own times. Whoever has not ended
    /// when `limit` is over is killed; that takes a few milliseconds, and two seconds if the
    /// system cannot end it.
    ///
    /// Dropping the future kills every plugin of which no other handle is left.
    pub async fn shutdown(self, limit: Duration) -> Vec<(String, Result<ShutdownReport, Error>)> {
        join_all(self.clients.into_iter().map(|(name, client)| async move {
            let patient = client.clone().shutdown();
            tokio::pin!(patient);
            let outcome = tokio::select! {
                biased;
                outcome = &mut patient => outcome,
                () = sleep(limit) => {
                    client.kill().await;
                    // Whoever kills and whoever shuts down get the same report.
                    patient.await
                }
            };
            (name, outcome)
        }))
        .await
    }
}

impl<N: Into<String>> Extend<(N, Client)> for ClientSet {
    fn extend<I: IntoIterator<Item = (N, Client)>>(&mut self, clients: I) {
        for (name, client) in clients {
            self.insert(name, client);
        }
    }
}

impl<N: Into<String>> FromIterator<(N, Client)> for ClientSet {
    fn from_iter<I: IntoIterator<Item = (N, Client)>>(clients: I) -> Self {
        let mut set = Self::new();
        set.extend(clients);
        set
    }
}

impl fmt::Debug for ClientSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}
