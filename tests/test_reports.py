from edge.reports import to_stderr


def test_a_report_is_one_line_on_the_stderr_of_the_moment(capsys):
    to_stderr("camera 0: no frame for 10 s; opening it again")
    assert capsys.readouterr() == ("", "camera 0: no frame for 10 s; opening it again\n")
