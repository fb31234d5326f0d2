use std::collections::BTreeMap;

use rpcplugin::client::ServiceInfo;

use super::command::WORDS;

/// What a word may be completed to.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    methods: Vec<String>,
    services: Vec<String>,
}

impl Names {
    pub(super) fn of(services: &[ServiceInfo]) -> Self {
        let own = || services.iter().filter(|service| !service.is_framework());
        let all = || own().flat_map(ServiceInfo::methods);
        let mut count: BTreeMap<String, usize> = BTreeMap::new();
        for method in all() {
            *count.entry(method.short_name().to_owned()).or_default() += 1;
        }
        // A short name that several have calls none of them.
        let short = count.into_iter().filter(|(_, count)| *count == 1).map(|(name, _)| name);
        let full = all().map(|method| method.full_name().to_owned());
        Self {
            methods: short.chain(full).collect(),
            services: own().map(|service| service.full_name().to_owned()).collect(),
        }
    }

    /// Where the word under the cursor begins, and what it may become.
    pub(super) fn complete(&self, line: &str, cursor: usize) -> (usize, Vec<String>) {
        let before = line.get(..cursor).unwrap_or(line);
        let start = before.rfind(char::is_whitespace).map_or(0, |at| at + 1);
        let (earlier, word) = before.split_at(start);
        let commands = WORDS.iter().map(|(word, _, _)| (*word).to_owned());
        let methods = self.methods.iter().cloned();
        let services = self.services.iter().cloned();
        let all: Vec<String> = match earlier.trim() {
            "" => commands.chain(methods).collect(),
            "call" => methods.collect(),
            "describe" => methods.chain(services).collect(),
            "health" => services.collect(),
            // Parameters are the user's own.
            _ => Vec::new(),
        };
        (start, all.into_iter().filter(|name| name.starts_with(word)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, start: usize, expected: &[&str]) {
        let names = |list: &[&str]| list.iter().map(ToString::to_string).collect();
        let names = Names {
            methods: names(&["Get", "kv.KV/Get", "kv.KV/Put"]),
            services: names(&["kv.KV"]),
        };
        let (at, found) = names.complete(line, line.len());
        assert_eq!(
            (at, Vec::from_iter(found.iter().map(String::as_str))),
            (start, expected.to_vec())
        );
    }

    #[test]
    fn the_first_word_is_a_command_or_a_method() {
        check("G", 0, &["Get"]);
        check("he", 0, &["help", "health"]);
        check("  kv.KV/P", 2, &["kv.KV/Put"]);
        check("call he", 5, &[]);
        check("call G", 5, &["Get"]);
        check("describe kv", 9, &["kv.KV/Get", "kv.KV/Put", "kv.KV"]);
        check("health ", 7, &["kv.KV"]);
        check("Get {", 4, &[]);
    }
}
