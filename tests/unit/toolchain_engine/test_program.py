import runpy

from toolchain.engine.program import users_traceback


def failing(folder, text):
    (folder / "__main__.py").write_text(text)
    try:
        runpy.run_path(str(folder), run_name="__main__")
    except Exception as error:  # noqa: BLE001
        return users_traceback(error, str(folder))
    raise AssertionError("the program must fail")


def test_a_traceback_begins_with_the_users_own_line(tmp_path):
    lines = failing(tmp_path, "def go():\n    raise ValueError('bad')\n\ngo()\n").splitlines()
    assert "Traceback (most recent call last):" == lines[0]
    assert f'  File "{tmp_path}/__main__.py", line 4, in <module>' == lines[1], "runpy's frames help nobody"
    assert "ValueError: bad" == lines[-1]


def test_causes_are_kept_and_begin_with_the_users_line_too(tmp_path):
    text = "try:\n    int('x')\nexcept ValueError as e:\n    raise KeyError('y') from e\n"
    output = failing(tmp_path, text)
    assert "direct cause" in output
    assert "runpy" not in output


def test_a_syntax_error_shows_the_line_alone(tmp_path):
    output = failing(tmp_path, "x = (\n")
    assert f'File "{tmp_path}/__main__.py", line 1' in output
    assert "frozen" not in output, "Python's start-up frames help nobody"
