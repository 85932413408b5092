use super::*;

fn refused(body: &str) -> Fault {
    parse(body.as_bytes()).map(|_| ()).unwrap_err()
}

#[test]
fn a_plain_request_becomes_a_chat() {
    let body = r#"{"model":"auto","stream":true,"stream_options":{"include_usage":true},"max_tokens":64,"stop":"\n",
        "messages":[{"role":"developer","content":"أنت مساعد متجر."},{"role":"user","content":[{"type":"text","text":"هل تشحنون؟"}]}],
        "metadata":{"task":"faq","vip":"yes"},"guardrail_policy":{"return_days":14},"some_new_field":{"x":1}}"#;
    let (input, shape) = parse(body.as_bytes()).unwrap();
    assert_eq!((shape.stream, shape.include_usage), (true, true));
    assert_eq!((input.task.as_str(), input.metadata["vip"].as_str()), ("faq", "yes"));
    assert_eq!(input.guardrail_policy_json, r#"{"return_days":14}"#);
    assert_eq!(input.messages[0].role(), chat::Role::System);
    let options = input.options.unwrap();
    assert_eq!((options.max_output_token_count, options.stop), (Some(64), vec!["\n".to_owned()]));
}

#[test]
fn tool_turns_keep_ids_and_arguments() {
    let body = r#"{"messages":[
        {"role":"assistant","content":"","tool_calls":[{"id":"c1","type":"function","function":{"name":"track","arguments":"{\"id\":9}"}}]},
        {"role":"tool","tool_call_id":"c1","content":"shipped"}],
        "tools":[{"type":"function","function":{"name":"track","parameters":{"type":"object"},"strict":true}}],
        "tool_choice":{"type":"function","function":{"name":"track"}},"parallel_tool_calls":false}"#;
    let (input, _) = parse(body.as_bytes()).unwrap();
    let Some(Kind::ToolCall(call)) = &input.messages[0].parts[0].kind else { panic!("a call first") };
    assert_eq!((call.id.as_str(), call.arguments_json.as_str()), ("c1", r#"{"id":9}"#));
    let Some(Kind::ToolResult(result)) = &input.messages[1].parts[0].kind else { panic!("a result") };
    assert_eq!(result.tool_call_id, "c1");
    let choice = input.tool_choice.unwrap();
    assert_eq!((choice.mode(), choice.parallel_disabled), (chat::tool_choice::Mode::Named, true));
    assert!(input.tools[0].strict);
}

#[test]
fn fields_that_change_the_meaning_are_refused_by_name() {
    for (field, value) in [
        ("n", "2"),
        ("logprobs", "true"),
        ("logit_bias", r#"{"1":1.0}"#),
        ("presence_penalty", "0.5"),
        ("frequency_penalty", "0.5"),
        ("modalities", r#"["audio"]"#),
        ("audio", "{}"),
        ("functions", "[]"),
        ("tool_choice", r#""sometimes""#),
        ("reasoning_effort", r#""huge""#),
        ("service_tier", r#""priority""#),
        ("response_format", r#"{"type":"xml"}"#),
    ] {
        let body = format!(r#"{{"messages":[{{"role":"user","content":"hi"}}],"{field}":{value}}}"#);
        assert_eq!(refused(&body).field_violations[0].field, field);
    }
}

#[test]
fn errors_say_where_and_never_what() {
    let secret = "0551234567";
    for body in [
        format!(r#"{{"messages":"{secret}"}}"#),
        format!(r#"{{"messages":[{{"role":"user","content":"{secret}"}}"#),
        format!(r#"{{"model":"{secret}"}}"#),
        format!(r#"{{"messages":[{{"role":"{secret}","content":"x"}}]}}"#),
    ] {
        let fault = refused(&body);
        assert_eq!(fault.reason, "REQUEST_INVALID");
        assert!(!fault.to_string().contains(secret), "{fault}");
    }
}

#[test]
fn a_wrong_type_is_named_by_its_path() {
    for (body, field) in [
        (r#"{"messages":[],"temperature":"hot"}"#, "temperature"),
        (r#"{"messages":[{"role":"user","content":7}]}"#, "messages[0].content"),
        (r#"{"messages":[],"stream_options":{"include_usage":1}}"#, "stream_options.include_usage"),
        (r#"{"messages":[],"metadata":{"0551234567":1}}"#, "metadata"),
    ] {
        let fault = refused(body);
        assert_eq!(fault.field_violations.first().map(|found| found.field.as_str()), Some(field), "{fault}");
        assert!(!fault.to_string().contains("0551234567"), "{fault}");
    }
    assert!(refused(r#"{"messages":[]} x"#).field_violations.is_empty());
}

#[test]
fn pictures_come_as_data_urls_only() {
    let ask = |url: &str| {
        format!(
            r#"{{"messages":[{{"role":"user","content":[{{"type":"image_url","image_url":{{"url":"{url}"}}}}]}}]}}"#
        )
    };
    let (input, _) = parse(ask("data:image/png;base64,AAEC").as_bytes()).unwrap();
    let Some(Kind::Image(image)) = &input.messages[0].parts[0].kind else { panic!("a picture") };
    assert_eq!(image.source, Some(chat::image::Source::Data(vec![0, 1, 2])));
    assert!(refused(&ask("https://example.com/a.png")).message.contains("data URLs"));
}
