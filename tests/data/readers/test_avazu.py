"""Avazu's raw log."""

import datetime

import pytest

from tamis.data.readers.avazu import AvazuSource
from tamis.errors import DataError

HEADER = (
    "id,click,hour,C1,banner_pos,site_id,site_domain,site_category,app_id,app_domain,app_category,device_id,"
    "device_ip,device_model,device_type,device_conn_type,C14,C15,C16,C17,C18,C19,C20,C21"
)
ROWS = (
    "10000169349117863715,0,14102100,1005,0,1fbe01fe,f3845767,28905ebd,ecad2386,7801e8d9,07d7df22,a99f214a,"
    "ddd2926e,44956a24,1,2,15706,320,50,1722,0,35,-1,79\n"
    "9990,1,14103123,1002,1,00000000,f3845767,28905ebd,ecad2386,7801e8d9,07d7df22,a99f214a,"
    "ddd2926e,12345678,0,0,15706,320,50,1722,0,35,100084,79\n"
)


@pytest.mark.parametrize("has_header", [True, False])
def test_a_file_with_or_without_a_header_gives_the_same(tmp_path, has_header):
    path = tmp_path / "train.csv"
    path.write_text((HEADER + "\n" if has_header else "") + ROWS)
    found = AvazuSource(path).head(9)
    assert found.columns == [*HEADER.split(","), "time", "hour_of_day", "weekday"]
    for ours, line in zip(found.to_dicts(), ROWS.splitlines(), strict=True):
        for name, cell in zip(HEADER.split(","), line.split(","), strict=True):
            assert str(ours[name]) == cell
        moment = datetime.datetime.strptime(str(ours["hour"]), "%y%m%d%H")
        assert ours["time"] == moment
        assert (ours["hour_of_day"], ours["weekday"]) == (moment.hour, moment.isoweekday())


def test_what_is_made_of_the_hour_can_be_read_alone(tmp_path):
    path = tmp_path / "train.csv"
    path.write_text(ROWS)
    assert next(AvazuSource(path).chunks(["weekday", "click"])).rows() == [(2, 0), (5, 1)]


def test_the_file_without_clicks_has_no_click_column(tmp_path):
    path = tmp_path / "test.csv"
    path.write_text(HEADER.replace("click,", "") + "\n" + ROWS.replace(",0,14102100", ",14102100").splitlines()[0])
    assert "click" not in AvazuSource(path).columns


def test_other_columns_are_refused(tmp_path):
    path = tmp_path / "train.csv"
    path.write_text("user,item\n1,2\n")
    with pytest.raises(DataError, match="has the 24 cells id to C21; got 2, the first 'user'"):
        AvazuSource(path)
