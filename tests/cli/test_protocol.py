"""``evaluate --protocol``."""


def test_evaluate_follows_a_published_protocol(cli, rooms):
    outcome = cli("evaluate", "--checkpoint", "none", "--data", rooms / "val", "--protocol", "mtformer", "--json")
    assert outcome.code == 0
    assert outcome.last["family"] == "mtformer"
    assert "pixels at 6.5535 m or more left out" in outcome.last["tasks"]["depth"]["protocol"]


def test_an_unknown_protocol_is_refused_with_the_nearest_name(cli):
    outcome = cli("evaluate", "--protocol", "mtformr")
    assert outcome.code == 2
    assert "did you mean 'mtformer'?" in outcome.err
