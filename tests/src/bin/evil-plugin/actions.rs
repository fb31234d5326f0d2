//! The arguments, carried out one after the other.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _, Write},
    os::unix::process::CommandExt as _,
    process::{Command, ExitCode},
};

use anyhow::{Context as _, bail};
use rpcplugin_tls::{Identity, IdentityParams};

use crate::{
    hunger::{self, Hoard},
    listen::Listener,
    serve::Manner,
    text::unescape,
    tls,
};

/// What the actions so far have made.
#[derive(Debug, Default)]
pub(crate) struct Plugin {
    listener: Option<Listener>,
    identity: Option<Identity>,
    child: Option<u32>,
    hoard: Hoard,
    result: String,
}

impl Plugin {
    /// Carries out all actions. Their end is the end of the process, with code 0.
    pub(crate) fn run(
        mut self,
        mut words: impl Iterator<Item = String>,
    ) -> anyhow::Result<ExitCode> {
        while let Some(action) = words.next() {
            let mut word = || words.next().with_context(|| format!("{action} takes more words"));
            match action.as_str() {
                "stdout" => write(&mut io::stdout(), &unescape(&word()?)?)?,
                "stderr" => write(&mut io::stderr(), &unescape(&word()?)?)?,
                "fill" => fill(stream(&word()?)?, word()?.parse()?)?,
                "flood" => flood(stream(&word()?)?, word()?.parse()?)?,
                "listen" => self.listener = Some(Listener::bind(&word()?)?),
                "line" => self.line(&word()?)?,
                "serve" => self.serve(&word()?)?,
                "unlink" => self.listener()?.unlink()?,
                "report" => {
                    let (path, text) = (word()?, word()?);
                    self.report(&path, text)?;
                }
                "gate" => File::open(word()?)?.read_exact(&mut [0])?,
                "child" => self.start_child(&word()?)?,
                "allocate" => self.hoard.allocate(word()?.parse()?),
                "open" => self.result = self.hoard.open(word()?.parse()?).to_string(),
                "multiply" => self.result = self.hoard.multiply(word()?.parse()?).to_string(),
                "spin" => hunger::spin(word()?.parse()?),
                "grow" => hunger::grow(&word()?, word()?.parse()?)?,
                "dial" => self.result = hunger::dial(&word()?),
                "close" => give_away(&word()?)?,
                "exec" => return Err(Command::new(word()?).args(words).exec().into()),
                "exit" => return Ok(ExitCode::from(word()?.parse::<u8>()?)),
                "signal" => raise(word()?.parse()?)?,
                "hang" => hang(),
                other => bail!("unknown action {other:?}"),
            }
        }
        Ok(ExitCode::SUCCESS)
    }

    fn listener(&self) -> anyhow::Result<&Listener> {
        self.listener.as_ref().context("listen comes first")
    }

    fn identity(&mut self) -> anyhow::Result<&Identity> {
        match &mut self.identity {
            Some(identity) => Ok(identity),
            none => Ok(none.insert(Identity::generate(&IdentityParams::default())?)),
        }
    }

    fn line(&mut self, template: &str) -> anyhow::Result<()> {
        let mut line = template.to_owned();
        if line.contains("{cert}") {
            line = line.replace("{cert}", &tls::field(self.identity()?));
        }
        if let Some(listener) = &self.listener {
            line = line.replace("{network}", listener.network());
            line = line.replace("{address}", &listener.address()?);
        }
        let versions = std::env::var("PLUGIN_PROTOCOL_VERSIONS").unwrap_or_default();
        let version = versions.split(',').next().unwrap_or_default();
        line = line.replace("{version}", version);
        write(&mut io::stdout(), format!("{line}\n").as_bytes())
    }

    fn serve(&mut self, manner: &str) -> anyhow::Result<()> {
        let manner: Manner = manner.replace("{address}", &self.listener()?.address()?).parse()?;
        let tls = match manner.tls() {
            None => None,
            Some(show) => Some(tls::Acceptor::new(show, self.identity()?)?),
        };
        let listener = self.listener()?.try_clone()?;
        std::thread::spawn(move || crate::serve::run(listener, manner, tls));
        Ok(())
    }

    fn report(&self, path: &str, text: String) -> anyhow::Result<()> {
        let child = self.child.map(|pid| pid.to_string()).unwrap_or_default();
        let text = text.replace("{pid}", &std::process::id().to_string());
        let text = text.replace("{child}", &child).replace("{result}", &self.result);
        let mut fifo = OpenOptions::new().write(true).open(path)?;
        write(&mut fifo, format!("{text}\n").as_bytes())
    }

    fn start_child(&mut self, actions: &str) -> anyhow::Result<()> {
        // It inherits all three standard descriptors, and outlives this process unless killed.
        let words = actions.split(' ');
        let child = Command::new(std::env::current_exe()?).args(words).spawn()?;
        self.child = Some(child.id());
        Ok(())
    }
}

fn stream(name: &str) -> anyhow::Result<Box<dyn Write>> {
    Ok(match name {
        "stdout" => Box::new(io::stdout()),
        "stderr" => Box::new(io::stderr()),
        other => bail!("no stream {other:?}"),
    })
}

fn write(to: &mut dyn Write, bytes: &[u8]) -> anyhow::Result<()> {
    to.write_all(bytes)?;
    Ok(to.flush()?)
}

fn fill(mut to: Box<dyn Write>, mut count: usize) -> anyhow::Result<()> {
    let block = [b'x'; 64 * 1024];
    while count > 0 {
        let part = count.min(block.len());
        write(&mut to, &block[..part])?;
        count -= part;
    }
    Ok(())
}

fn flood(to: Box<dyn Write>, lines: usize) -> anyhow::Result<()> {
    let mut to = io::BufWriter::with_capacity(64 * 1024, to);
    for number in 1..=lines {
        writeln!(to, "line {number} of {lines}")?;
    }
    Ok(to.flush()?)
}

/// Lets go of the pipe: the host sees end-of-file unless a descendant holds it too.
fn give_away(stream: &str) -> anyhow::Result<()> {
    let null = OpenOptions::new().write(true).open("/dev/null")?;
    match stream {
        "stdout" => rustix::stdio::dup2_stdout(null)?,
        "stderr" => rustix::stdio::dup2_stderr(null)?,
        other => bail!("no stream {other:?}"),
    }
    Ok(())
}

fn raise(number: i32) -> anyhow::Result<()> {
    let signal = rustix::process::Signal::from_named_raw(number).context("no such signal")?;
    Ok(rustix::process::kill_process(rustix::process::getpid(), signal)?)
}

fn hang() -> ! {
    loop {
        std::thread::park();
    }
}
