.mode list
.separator "\t"
SELECT '# panel A token''s price and how fast it comes';
SELECT '# x tokens/s of each user';
SELECT '# y US$ a million output tokens';
SELECT '# logy';
SELECT '# vline 20 50 ms a token';
SELECT s.a, s.mean, o.mean, o.low, o.high FROM ci s JOIN ci o ON o.a = s.a AND o.b = s.b AND o.name = 'usd_per_m_output' WHERE s.name = 'speed' ORDER BY s.a, s.b;
SELECT '# panel A coding agent''s task';
SELECT '# x minutes a task';
SELECT '# y US$ a task';
SELECT '# logy';
SELECT '8 to 384 agents', t.mean, u.mean, u.low, u.high FROM ci t JOIN ci u ON u.a = t.a AND u.b = t.b AND u.name = 'usd_per_task' WHERE t.name = 'task_min' AND t.b >= 8 ORDER BY t.b;
