//! What a language says, and that each says all of it.

use std::collections::{BTreeMap, BTreeSet};

use fluent_syntax::ast::{
    CallArguments, Entry, Expression, InlineExpression, Pattern, PatternElement,
};
use fluent_syntax::parser;

use super::*;

/// Each message and attribute of the sources, with the variables in it.
fn messages(tongue: Tongue) -> BTreeMap<String, BTreeSet<String>> {
    let mut found = BTreeMap::new();
    for source in tongue.sources() {
        let resource = parser::parse(*source).unwrap_or_else(|(_, errors)| panic!("{errors:?}"));
        for entry in &resource.body {
            let message = match entry {
                Entry::Message(message) => message,
                Entry::Comment(_) | Entry::GroupComment(_) | Entry::ResourceComment(_) => continue,
                Entry::Term(_) | Entry::Junk { .. } => panic!("{entry:?}"),
            };
            let id = message.id.name.to_owned();
            let attributes = message.attributes.iter().map(|attribute| {
                (format!("{id}.{}", attribute.id.name), variables(&attribute.value))
            });
            for (id, variables) in
                attributes.chain(message.value.as_ref().map(|value| (id.clone(), variables(value))))
            {
                assert!(found.insert(id.clone(), variables).is_none(), "{id} is there twice");
            }
        }
    }
    found
}

fn variables(pattern: &Pattern<&str>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    in_pattern(pattern, &mut found);
    found
}

fn in_pattern(pattern: &Pattern<&str>, found: &mut BTreeSet<String>) {
    for element in &pattern.elements {
        if let PatternElement::Placeable { expression } = element {
            in_expression(expression, found);
        }
    }
}

fn in_expression(expression: &Expression<&str>, found: &mut BTreeSet<String>) {
    match expression {
        Expression::Inline(inline) => in_inline(inline, found),
        Expression::Select { selector, variants } => {
            in_inline(selector, found);
            variants.iter().for_each(|variant| in_pattern(&variant.value, found));
        }
    }
}

fn in_inline(inline: &InlineExpression<&str>, found: &mut BTreeSet<String>) {
    match inline {
        InlineExpression::VariableReference { id } => {
            found.insert(id.name.to_owned());
        }
        InlineExpression::FunctionReference { arguments, .. } => in_arguments(arguments, found),
        InlineExpression::Placeable { expression } => in_expression(expression, found),
        _ => {}
    }
}

fn in_arguments(arguments: &CallArguments<&str>, found: &mut BTreeSet<String>) {
    arguments.positional.iter().for_each(|inline| in_inline(inline, found));
    arguments.named.iter().for_each(|named| in_inline(&named.value, found));
}

#[test]
fn every_language_says_everything_with_the_same_arguments() {
    let (english, chinese) = (messages(Tongue::En), messages(Tongue::Zh));
    let only = |here: &BTreeMap<String, _>, there: &BTreeMap<String, _>| -> Vec<String> {
        here.keys().filter(|id| !there.contains_key(*id)).cloned().collect()
    };
    assert_eq!(only(&english, &chinese), Vec::<String>::new(), "missing in Chinese");
    assert_eq!(only(&chinese, &english), Vec::<String>::new(), "missing in English");
    for (id, variables) in &english {
        assert_eq!(variables, &chinese[id], "the arguments of {id}");
    }
}

#[test]
fn the_locale_decides_unless_a_person_asks() {
    use Tongue::{En, Zh};
    for (asked, locale, tongue) in [
        (None, None, En),
        (None, Some("zh_CN.UTF-8"), Zh),
        (None, Some("zh-Hans-CN"), Zh),
        (None, Some("ZH"), Zh),
        (None, Some("en_GB.UTF-8"), En),
        (None, Some("fr_FR"), En),
        (None, Some("C"), En),
        (None, Some("zhx"), En),
        (None, Some(""), En),
        (Some(En), Some("zh_CN"), En),
        (Some(Zh), Some("C"), Zh),
    ] {
        assert_eq!(Language::choose(asked, locale).tongue(), tongue, "{asked:?} {locale:?}");
    }
}

#[test]
fn arguments_stand_in_a_sentence_as_they_are() {
    let language = Language::default();
    let name = "{ $me }007\"";
    let said = language.say("presence-left", &[("name", &name)]);
    assert_eq!(said, "{ $me }007\" left.");
    assert_eq!(language.list(["a", "b", "c"]), "a and b and c");
    assert_eq!(Language::new(Tongue::Zh).list(["a", "b"]), "a、b");
}

#[test]
fn numbers_decide_how_many_there_are() {
    let said = |count| Language::default().count("delivered", count, &[("name", &"bob")]);
    assert_eq!(said(1), "✓ delivered to bob");
    assert_eq!(said(1200), "✓ 1200 lines delivered to bob");
}

#[test]
fn what_is_missing_is_said_in_english_and_what_english_lacks_by_its_name() {
    let chinese = Language::new(Tongue::Zh);
    assert_eq!(chinese.text("no-such-sentence"), "no-such-sentence");
    assert_eq!(chinese.text("command-msg.nothing"), "command-msg.nothing");
    assert_eq!(chinese.text("presence-left"), "presence-left", "its argument is missing");
    let source = "presence-left = { $nobody }走了\n".to_owned();
    let mut incomplete = FluentBundle::new_concurrent(vec![Tongue::Zh.identifier()]);
    incomplete.add_resource(FluentResource::try_new(source).expect("valid")).expect("new");
    let bundles = Arc::from([incomplete, bundle(Tongue::En)]);
    let said = Language { tongue: Tongue::Zh, bundles };
    assert_eq!(said.say("presence-left", &[("name", &"bob")]), "bob left.");
}
