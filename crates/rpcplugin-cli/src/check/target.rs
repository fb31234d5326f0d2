//! The plugin under test, and one start of it.

use std::{
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use rpcplugin::{
    core::env,
    tls::{Certificate, Identity},
    transport::PrivateDir,
};
use tokio::process::Command;

use super::{
    book::Stop,
    dial::Route,
    line::{self, Line, NoLine},
    process::{Process, ending},
};

/// What is checked, and how it is started.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) program: OsString,
    pub(crate) arguments: Vec<OsString>,
    pub(crate) cookie: (String, String),
    /// The versions that it is known to serve.
    pub(crate) versions: Vec<u32>,
    /// What it gets of the environment beside the launch variables.
    pub(crate) env: Vec<(OsString, OsString)>,
    /// This command's certificate for all starts.
    pub(crate) identity: Identity,
    pub(crate) limits: Limits,
}

/// How long things may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// For the line.
    pub(crate) start: Duration,
    /// For connecting, and for each call.
    pub(crate) call: Duration,
    /// For the end, once it was asked for.
    pub(crate) grace: Duration,
    /// How long one waits to see that nothing happens. No patience makes it longer: on a slow
    /// machine something is missed, and nothing is found that is not so.
    pub(crate) quiet: Duration,
}

const QUIET: Duration = Duration::from_millis(300);

impl Limits {
    /// Those of the protocol, each so many times as long.
    pub(crate) fn new(start: Duration, patience: u32) -> Self {
        let millis = |millis| Duration::from_millis(millis) * patience;
        Self { start: start * patience, call: millis(5_000), grace: millis(2_000), quiet: QUIET }
    }
}

/// Which cookie a start brings.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Cookie {
    Right,
    Wrong,
    Absent,
}

/// What a start's stdin is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Stdin {
    /// At its end from the first moment.
    Null,
    /// A pipe that stays open.
    Held,
    /// The same, and the plugin is told.
    Lifeline,
}

/// What one start tells the plugin.
#[derive(Clone, Debug)]
pub(crate) struct Launch {
    pub(crate) cookie: Cookie,
    pub(crate) versions: Option<String>,
    /// `PLUGIN_CLIENT_CERT`.
    pub(crate) certificate: Option<String>,
    pub(crate) transports: &'static str,
    pub(crate) ports: (u16, u16),
    pub(crate) multiplexing: bool,
    pub(crate) stdin: Stdin,
    /// Whether a process stands between this one and the plugin, which can be killed as a host.
    pub(crate) between: bool,
}

impl Target {
    /// A start as hosts make it, in plaintext.
    pub(crate) fn launch(&self) -> Launch {
        let versions: Vec<_> = self.versions.iter().map(u32::to_string).collect();
        Launch {
            cookie: Cookie::Right,
            versions: Some(versions.join(",")),
            certificate: None,
            transports: "unix,tcp",
            ports: (10_000, 25_000),
            multiplexing: false,
            stdin: Stdin::Null,
            between: false,
        }
    }

    /// The same with mutual TLS.
    pub(crate) fn launch_mutual(&self) -> Launch {
        Launch { certificate: Some(self.identity.certificate().to_pem()), ..self.launch() }
    }

    pub(crate) fn spawn(&self, launch: &Launch) -> io::Result<Plugin> {
        let directory = PrivateDir::create([std::env::temp_dir(), "/tmp".into()], None)
            .map_err(|error| io::Error::other(error.to_string()))?;
        let [sockets, temporary] = ["s", "t"].map(|name| directory.path().join(name));
        fs::create_dir(&sockets)?;
        fs::create_dir(&temporary)?;
        let mut command = Command::new("sh");
        if launch.between {
            // A shell that waits does not make way for the program.
            command.args(["-c", "\"$@\"; exit $?", "sh"]).arg(&self.program);
        } else {
            command = Command::new(&self.program);
        }
        command.args(&self.arguments).env_clear().envs(self.env.iter().cloned());
        let (key, value) = &self.cookie;
        match launch.cookie {
            Cookie::Right => command.env(key, value),
            Cookie::Wrong => command.env(key, format!("not-{value}")),
            Cookie::Absent => command.env_remove(key),
        };
        if let Some(versions) = &launch.versions {
            command.env(env::PROTOCOL_VERSIONS, versions);
        }
        if let Some(certificate) = &launch.certificate {
            command.env(env::CLIENT_CERT, certificate);
        }
        if launch.multiplexing {
            command.env(env::MULTIPLEX_GRPC, "true");
        }
        command
            .env(env::MIN_PORT, launch.ports.0.to_string())
            .env(env::MAX_PORT, launch.ports.1.to_string())
            .env(env::UNIX_SOCKET_DIR, &sockets)
            .env("TMPDIR", &temporary)
            .env(env::TRANSPORTS, launch.transports);
        match launch.stdin {
            Stdin::Null => command.stdin(Stdio::null()),
            Stdin::Held => command.stdin(Stdio::piped()),
            Stdin::Lifeline => command.stdin(Stdio::piped()).env(env::LIFELINE, "stdin"),
        };
        Ok(Plugin { process: Process::start(command)?, sockets, temporary, directory })
    }

    /// Starts it, and reads the line as leniently as it can be used.
    pub(crate) async fn start(&self, launch: &Launch) -> Result<Started, Stop> {
        let mut plugin = self.spawn(launch).map_err(|error| not_started(&error))?;
        let text = match line::read(&mut plugin.process.stdout, self.limits.start).await {
            Ok(text) => text,
            Err(NoLine { .. }) => {
                let status = plugin.process.outcome(&self.limits).await;
                return Err(Stop(format!("no line came: {}", ending(status))));
            }
        };
        let line = Line::of(&text);
        let place = line.place().map_err(Stop)?;
        let limit = self.limits.call;
        let route = match launch.certificate {
            None => Route::plaintext(place, limit),
            Some(_) => {
                let der = line.certificate().map_err(Stop)?;
                let certificate = Certificate::from_der(&der)
                    .map_err(|error| Stop(format!("the announced certificate: {error}")))?;
                Route::mutual(place, &self.identity, &certificate, limit)
                    .map_err(|error| Stop(error.to_string()))?
            }
        };
        Ok(Started { line, route, plugin })
    }
}

pub(crate) fn not_started(error: &io::Error) -> Stop {
    Stop(format!("the program was not started: {error}"))
}

/// One start. Dropping it kills and reaps the plugin, and removes its directory.
#[derive(Debug)]
pub(crate) struct Plugin {
    // In this order: the process goes before its directory.
    pub(crate) process: Process,
    pub(crate) sockets: PathBuf,
    pub(crate) temporary: PathBuf,
    pub(crate) directory: PrivateDir,
}

impl Plugin {
    /// The names of what is left in its directories, sorted, without what varies from run to run.
    pub(crate) fn files(&self) -> Vec<String> {
        let list = |(place, path): (&str, &Path)| {
            let entries = fs::read_dir(path).into_iter().flatten().flatten();
            entries.map(move |_| place.to_owned()).collect::<Vec<_>>()
        };
        [("PLUGIN_UNIX_SOCKET_DIR", &*self.sockets), ("TMPDIR", &*self.temporary)]
            .into_iter()
            .flat_map(list)
            .collect()
    }
}

/// A plugin that printed a line that one can work with.
#[derive(Debug)]
pub(crate) struct Started {
    pub(crate) line: Line,
    pub(crate) route: Route,
    pub(crate) plugin: Plugin,
}
