.mode list
.separator "\t"
SELECT '# panel A session: a context and some 40 calls';
SELECT '# bars';
SELECT '# x tokens of context';
SELECT '# y US$';
SELECT attention, printf('%dk', b / 1000), mean, low, high FROM ci JOIN kind ON model = a WHERE name = 'usd_per_session' ORDER BY kind.rowid, b;
SELECT '# panel Seats that get a token every 100 ms';
SELECT '# bars';
SELECT '# x tokens of context';
SELECT '# y seats a GPU';
SELECT attention, printf('%dk', b / 1000), mean, low, high FROM ci JOIN kind ON model = a WHERE name = 'seats_a_gpu' ORDER BY kind.rowid, b;
