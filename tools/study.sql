-- study.sql - tables and views that the SQL of studies shares (tools/study).
--
-- A study's figures.sql puts its observations, one of each repetition, into `obs`; `ci` has their intervals. Intervals are
-- Student's, at 95 %, over repetitions with random numbers and a draw of the calibration's error of their own
-- ([engine] calibration = drawn), of where one more repetition would lie: s * sqrt(1 + 1/n). An interval of the mean would
-- shrink with n, but the calibration is as uncertain after a hundred runs as after eight. Costs, times and ratios are
-- positive and their errors are factors, so it is taken over logarithms; over the values where one of them is not positive.

CREATE TEMP TABLE runs(file TEXT, run INT, repetition INT, PRIMARY KEY(run, file));
CREATE TEMP TABLE params(file TEXT, run INT, key TEXT, text TEXT, num REAL, PRIMARY KEY(run, key, file));
CREATE TEMP TABLE metrics(file TEXT, run INT, name TEXT, value REAL, PRIMARY KEY(run, name, file));

-- What is observed (name) of what (a, b, c: as the study likes), once for each repetition.
CREATE TEMP TABLE obs(a, b, c, name TEXT, repetition INT, value REAL, PRIMARY KEY(name, a, b, c, repetition));

-- What a study's records.sql found in a run's own file (`shard`, while `this` says which).
CREATE TEMP TABLE this(file TEXT, run INT);
INSERT INTO this VALUES (NULL, NULL);
CREATE TEMP TABLE records(file TEXT, run INT, a, name TEXT, value REAL);

CREATE TEMP TABLE student(df INT PRIMARY KEY, t REAL);
INSERT INTO student VALUES (1, 12.706), (2, 4.303), (3, 3.182), (4, 2.776), (5, 2.571), (6, 2.447), (7, 2.365), (8, 2.306),
    (9, 2.262), (10, 2.228), (11, 2.201), (12, 2.179), (13, 2.160), (14, 2.145), (15, 2.131), (19, 2.093);

CREATE TEMP VIEW moments AS
SELECT a, b, c, name, count(value) AS n, min(value) > 0 AS positive,
       avg(CASE WHEN least > 0 THEN ln(value) ELSE value END) AS m,
       avg(CASE WHEN least > 0 THEN ln(value) * ln(value) ELSE value * value END) AS m2
FROM (SELECT *, min(value) OVER (PARTITION BY a, b, c, name) AS least FROM obs WHERE value IS NOT NULL)
GROUP BY a, b, c, name;

CREATE TEMP VIEW ends AS
SELECT a, b, c, name, n, positive, m, t * sqrt(max(0, m2 - m * m) * n / (n - 1) * (1 + 1.0 / n)) AS half
FROM moments LEFT JOIN student ON df = n - 1;

CREATE TEMP VIEW ci AS
SELECT a, b, c, name, n, iif(positive, exp(m), m) AS mean, iif(positive, exp(m - half), m - half) AS low,
       iif(positive, exp(m + half), m + half) AS high
FROM ends;

-- Numbers with three digits that count.
CREATE TEMP VIEW shown AS
SELECT a, b, c, name, n, mean, low, high,
       fm || CASE WHEN low IS NULL THEN '' WHEN fl = fh THEN '' ELSE ' (' || fl || ' to ' || fh || ')' END AS text
FROM (SELECT *,
        printf(CASE WHEN abs(mean) >= 99.95 THEN '%.0f' WHEN abs(mean) >= 9.995 THEN '%.1f' WHEN abs(mean) >= 0.0995 THEN '%.2f' ELSE '%.4f' END, mean) AS fm,
        printf(CASE WHEN abs(mean) >= 99.95 THEN '%.0f' WHEN abs(mean) >= 9.995 THEN '%.1f' WHEN abs(mean) >= 0.0995 THEN '%.2f' ELSE '%.4f' END, low) AS fl,
        printf(CASE WHEN abs(mean) >= 99.95 THEN '%.0f' WHEN abs(mean) >= 9.995 THEN '%.1f' WHEN abs(mean) >= 0.0995 THEN '%.2f' ELSE '%.4f' END, high) AS fh
      FROM ci);

-- Metrics beside the repetition that they are of.
CREATE TEMP VIEW seen AS
SELECT r.file, r.run, r.repetition, m.name, m.value FROM runs r JOIN metrics m ON m.file = r.file AND m.run = r.run;
