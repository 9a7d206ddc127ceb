"""The contract without a file: ``pytest --pyargs shunpike_testkit.suite --provider NAME``."""
