use std::fmt::Display;

/// What a program has to show: named values in sections.
#[derive(Debug, Default)]
pub struct Facts(Vec<(String, String, String)>);

impl Facts {
    /// Adds a value. Sections are shown in the order in which they first appear.
    pub fn add(&mut self, section: &str, name: &str, value: impl Display) {
        self.0.push((section.into(), name.into(), value.to_string()));
    }

    /// Prints everything: aligned for a person, or as JSON.
    #[expect(clippy::print_stdout, reason = "this is for hosts, whose stdout is their own")]
    pub fn print(&self, json: bool) {
        if json {
            println!("{}", self.to_json());
            return;
        }
        let width = self.0.iter().map(|(_, name, _)| name.chars().count()).max().unwrap_or(0);
        let mut last = "";
        for (section, name, value) in &self.0 {
            let heading = if section == last { "" } else { section };
            println!("{heading:<10} {name:<width$}  {value}");
            last = section;
        }
    }

    fn to_json(&self) -> serde_json::Value {
        let mut root = serde_json::Map::new();
        for (section, name, value) in &self.0 {
            let section = root.entry(section).or_insert_with(|| serde_json::json!({}));
            section[name.replace(' ', "_")] = value.as_str().into();
        }
        root.into()
    }
}
