use std::{borrow::Cow, fmt, time::Duration};

use super::{Form, Setting, Value, form::read::Raw};

/// Who reads a setting.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Reader {
    /// The application that starts plugins.
    Host,
    /// The plugin.
    Plugin,
    /// Either, each its own.
    Both,
}

impl fmt::Display for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Host => "host",
            Self::Plugin => "plugin",
            Self::Both => "both",
        })
    }
}

/// What a setting is when nobody sets it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Preset {
    Unset,
    Is(bool),
    Count(u64),
    Lasts(Duration),
    /// As it would stand in a file.
    Word(&'static str),
}

impl Preset {
    pub(super) fn value(self, form: Form) -> Option<Value> {
        match self {
            Self::Unset => None,
            Self::Is(flag) => Some(flag.into()),
            Self::Count(number) => Some(number.into()),
            Self::Lasts(time) => Some(time.into()),
            Self::Word(text) => form.read(&Raw::Text(text.to_owned())),
        }
    }
}

/// One row of the table.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) theme: &'static str,
    pub(super) variable: &'static str,
    pub(super) accessor: &'static str,
    pub(super) form: Form,
    pub(super) preset: Preset,
    pub(super) reader: Reader,
    pub(super) reloadable: bool,
    pub(super) meaning: &'static str,
}

/// Makes of the table: [`Setting`], its rows, the accessors of `Config` and the setters of
/// `Values`.
macro_rules! settings {
    ($(
        $theme:literal: $(
            #[doc = $meaning:literal]
            $name:ident: $accessor:ident($given:ty) $(-> $how:ident $got:ty)?,
            $variable:literal, $form:expr, $preset:expr, $reader:expr $(, $reloadable:ident)?;
        )*
    )*) => {
        /// A setting, with everything that there is to know of it.
        ///
        /// # Example
        ///
        /// ```
        /// use rpcplugin_core::config::Setting;
        ///
        /// let setting = Setting::from_key("plugin_start_timeout").unwrap();
        /// assert_eq!(setting, Setting::StartTimeout);
        /// assert_eq!(setting.variable(), "PLUGIN_START_TIMEOUT");
        /// assert_eq!(setting.default().unwrap().to_string(), "60s");
        /// ```
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        #[non_exhaustive]
        pub enum Setting {
            $($(#[doc = concat!("`", $variable, "`:", $meaning, ".")] $name,)*)*
        }

        impl Setting {
            /// All settings, in the order of the documents.
            pub const ALL: &'static [Self] = &[$($(Self::$name,)*)*];

            pub(super) const fn row(self) -> &'static super::setting::Row {
                match self {$($(
                    Self::$name => const { &super::setting::Row {
                        theme: $theme,
                        variable: $variable,
                        accessor: stringify!($accessor),
                        form: $form,
                        preset: $preset,
                        reader: $reader,
                        reloadable: settings!(@is $($reloadable)?),
                        meaning: $meaning,
                    } },
                )*)*}
            }
        }

        /// One for each setting, under its name.
        impl super::Config {$($($(
            #[doc = concat!("`", $variable, "`:", $meaning, ".")]
            #[must_use]
            pub fn $accessor(&self) -> settings!(@got $how $got) {
                super::field::$how(self.value(Setting::$name))
            }
        )?)*)*}

        /// One for each setting, under the name of its accessor.
        impl super::Values {$($(
            #[doc = concat!("`", $variable, "`:", $meaning, ".")]
            #[must_use]
            pub fn $accessor(self, value: $given) -> Self {
                self.with(Setting::$name, value)
            }
        )*)*}
    };
    (@is) => { false };
    (@is reloadable) => { true };
    (@got required $got:ty) => { $got };
    (@got or_empty $got:ty) => { $got };
    (@got optional $got:ty) => { Option<$got> };
    (@got unless_zero $got:ty) => { Option<$got> };
}
pub(super) use settings;

impl Setting {
    /// The variable of the environment.
    #[must_use]
    pub const fn variable(self) -> &'static str {
        self.row().variable
    }

    /// The key in files and in [`set`](super::ConfigBuilder::set): the variable in lower case.
    /// `None` for those that say what files there are.
    #[must_use]
    pub fn key(self) -> Option<String> {
        let in_files = !matches!(self, Self::Files | Self::Profile);
        in_files.then(|| self.variable().to_ascii_lowercase())
    }

    /// The setting with this key.
    #[must_use]
    pub fn from_key(key: &str) -> Option<Self> {
        let is_upper = key.bytes().any(|byte| byte.is_ascii_uppercase());
        let found = Self::ALL.iter().find(|one| one.variable().eq_ignore_ascii_case(key));
        found.copied().filter(|one| !is_upper && one.key().is_some())
    }

    /// The setting with this variable, such as `PLUGIN_START_TIMEOUT`.
    #[must_use]
    pub fn from_variable(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|one| one.variable() == name)
    }

    /// The name of the accessor of [`Config`](super::Config).
    #[must_use]
    pub const fn accessor(self) -> &'static str {
        self.row().accessor
    }

    /// Type and range.
    #[must_use]
    pub const fn form(self) -> Form {
        self.row().form
    }

    /// What holds when nobody sets it.
    #[must_use]
    pub fn default(self) -> Option<Value> {
        self.row().preset.value(self.form())
    }

    /// What it does, as a fragment.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        self.row().meaning.trim()
    }

    /// Who reads it.
    #[must_use]
    pub const fn reader(self) -> Reader {
        self.row().reader
    }

    /// Whether it may change while running.
    #[must_use]
    pub const fn is_reloadable(self) -> bool {
        self.row().reloadable
    }

    /// Whether its value is shown nowhere.
    #[must_use]
    pub const fn is_secret(self) -> bool {
        self.form().is_secret()
    }

    /// Whether it brings certificates or a key, so that whoever sets it wants TLS.
    #[must_use]
    pub const fn is_certificate(self) -> bool {
        matches!(self.form(), Form::Certificates | Form::Key) || matches!(self, Self::MtlsCertDir)
    }

    /// What it belongs to in the documents.
    #[must_use]
    pub const fn theme(self) -> &'static str {
        self.row().theme
    }

    /// Whether it may be this value.
    ///
    /// # Errors
    ///
    /// `CONFIG_INVALID`, or the code for what it sets: `CONFIG_PORT_RANGE`, `CONFIG_COOKIE`,
    /// `CONFIG_PROTOCOL_VERSIONS`, `CONFIG_ENV`.
    pub fn check(self, value: impl Into<Value>) -> Result<(), crate::ConfigError> {
        let value = value.into();
        if self.form().admits(&value) {
            return Ok(());
        }
        Err(super::problem::invalid(self, value.to_string(), super::Source::Program))
    }

    /// The code for a value of it that cannot be.
    pub(crate) const fn code(self) -> &'static str {
        match self.form() {
            Form::Port => "CONFIG_PORT_RANGE",
            Form::Versions => "CONFIG_PROTOCOL_VERSIONS",
            Form::Variable | Form::Secret => "CONFIG_COOKIE",
            Form::Variables => "CONFIG_ENV",
            _ => "CONFIG_INVALID",
        }
    }

    /// What works, for errors.
    pub(crate) fn expected(self) -> Cow<'static, str> {
        self.form().expected()
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.variable())
    }
}
